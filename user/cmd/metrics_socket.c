/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * metrics_socket.c - where metrics are told
 *
 * Only addresses, no names: what a name means is not for root to ask the network. Nothing is fatal here; the caller gets a sentence.
 */
#include "cmd/metrics_socket.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/fsuid.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/address.h"
#include "base/limits.h"
#include "base/number.h"

struct place {
	union {
		struct sockaddr any;
		struct sockaddr_in v4;
		struct sockaddr_in6 v6;
		struct sockaddr_un file;
	} at;
	socklen_t size;
};

static void set_address(struct place *place, const uint8_t address[16], uint16_t port)
{
	memset(&place->at, 0, sizeof(place->at));
	if (address_is_v4(address)) {
		place->at.v4.sin_family = AF_INET;
		place->at.v4.sin_port = htons(port);
		memcpy(&place->at.v4.sin_addr, address + 12, 4);
		place->size = sizeof(place->at.v4);
	} else {
		place->at.v6.sin6_family = AF_INET6;
		place->at.v6.sin6_port = htons(port);
		memcpy(&place->at.v6.sin6_addr, address, 16);
		place->size = sizeof(place->at.v6);
	}
}

/* An IPv6 address stands in brackets. */
static bool parse(struct place *place, const char *where)
{
	const char *colon = strrchr(where, ':');
	size_t length = colon ? (size_t)(colon - where) : 0;
	uint8_t address[16], prefix;
	char host[64];
	uint64_t port;
	bool bracket;

	if (length < 3 || length >= sizeof(host) || number_parse(colon + 1, 1, 65535, &port))
		return false;
	bracket = where[0] == '[' && where[length - 1] == ']';
	snprintf(host, sizeof(host), "%.*s", (int)(length - 2 * bracket), where + bracket);
	if (strchr(host, '/') || bracket != (strchr(host, ':') != NULL) ||
	    address_parse(host, address, &prefix))
		return false;
	set_address(place, address, (uint16_t)port);
	return true;
}

static bool set_path(struct place *place, const char *path)
{
	memset(&place->at, 0, sizeof(place->at));
	if (strlen(path) >= sizeof(place->at.file.sun_path))
		return false;
	place->at.file.sun_family = AF_UNIX;
	strcpy(place->at.file.sun_path, path);
	place->size = sizeof(place->at.file);
	return true;
}

/* What a collector left that was killed is in the way; nothing else is touched. NULL = the place is free, else why it is not. */
static const char *make_way(const struct place *place)
{
	const char *path = place->at.file.sun_path;
	struct stat there;
	int fd, rc;

	if (lstat(path, &there))
		return errno == ENOENT ? NULL : strerror(errno);
	if (!S_ISSOCK(there.st_mode))
		return "what is there is no socket";
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return strerror(errno);
	rc = connect(fd, &place->at.any, place->size) ? errno : 0;
	close(fd);
	if (rc != ECONNREFUSED)
		return rc == 0 || rc == EAGAIN ? "another program answers there" : strerror(rc);
	return unlink(path) && errno != ENOENT ? strerror(errno) : NULL;
}

/* Mode and group by what is set beforehand: a file that a path leads to afterwards may be another one. */
static int bind_file(int fd, const struct place *place, gid_t group)
{
	mode_t mask = umask(0117);
	int own = setfsgid(group);
	int rc = bind(fd, &place->at.any, place->size) ? errno : 0;

	setfsgid((gid_t)own);
	umask(mask);
	return rc;
}

static int bind_address(int fd, const struct place *place)
{
	int yes = 1;

	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes));
	if (place->at.any.sa_family == AF_INET6)
		setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &yes, sizeof(yes));
	return bind(fd, &place->at.any, place->size) ? errno : 0;
}

static void remember_file(struct metrics_socket *made, const char *path)
{
	struct stat there;

	if (lstat(path, &there))
		return;
	made->path = path;
	made->device = there.st_dev;
	made->inode = there.st_ino;
}

static int refuse(char *error, size_t size, const char *where, const char *why, int code)
{
	snprintf(error, size, "cannot tell metrics at %s: %s", where, why);
	return -code;
}

int metrics_socket_open(struct metrics_socket *made, const char *where, gid_t group, char *error,
			size_t error_size)
{
	bool file = where[0] == '/';
	struct place place;
	const char *why;
	int rc;

	*made = (struct metrics_socket){.fd = -1};
	if (file && !set_path(&place, where))
		return refuse(error, error_size, where, "the path is too long for a socket",
			      ENAMETOOLONG);
	if (!file && !parse(&place, where))
		return refuse(error, error_size, where,
			      "write 127.0.0.1:9925, [::1]:9925, or a path that begins with /",
			      EINVAL);
	why = file ? make_way(&place) : NULL;
	if (why)
		return refuse(error, error_size, where, why, EADDRINUSE);
	made->fd = socket(place.at.any.sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (made->fd < 0)
		return refuse(
			error, error_size, where,
			errno == EAFNOSUPPORT
				? "IP is not allowed here: see METRICS in smtpsnoop-collect(8)"
				: strerror(errno),
			errno);
	rc = file ? bind_file(made->fd, &place, group) : bind_address(made->fd, &place);
	if (!rc && file)
		remember_file(made, where);
	if (!rc && listen(made->fd, LIMIT_METRICS_BACKLOG))
		rc = errno;
	if (!rc)
		return 0;
	metrics_socket_close(made);
	return refuse(error, error_size, where, strerror(rc), rc);
}

void metrics_socket_close(struct metrics_socket *made)
{
	struct stat there;

	if (made->fd < 0)
		return;
	close(made->fd);
	made->fd = -1;
	if (made->path && !lstat(made->path, &there) && there.st_dev == made->device &&
	    there.st_ino == made->inode)
		unlink(made->path);
}
