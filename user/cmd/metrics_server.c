/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * metrics_server.c - HTTP for /metrics and /healthz
 *
 * libmicrohttpd reads the requests; its epoll descriptor is polled by the loop, and one round of it handles what is ready and returns.
 * A connection is for one request and has LIMIT_METRICS_SECONDS for it, however slowly it comes or is read; less when there is no room
 * for another. /metrics is written once a second at most: who asks more often gets the same. Nothing is fatal; a client that can't be answered is closed.
 */
#include "cmd/metrics_server.h"

#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/limits.h"
#include "cmd/metrics_library.h"

#define SECOND UINT64_C(1000000000)
#define FORMAT "text/plain; version=0.0.4; charset=utf-8"
#define TEXT "text/plain; charset=utf-8"

struct client {
	int fd; /* -1 = free */
	uint64_t since; /* CLOCK_BOOTTIME ns */
};

struct metrics_server {
	const struct metrics_library *library;
	struct metrics_answers answers;
	struct MHD_Daemon *daemon;
	int fd;
	struct client clients[LIMIT_METRICS_CLIENTS];
	unsigned int count;
	uint64_t now, next; /* of this step; before that no round */
	bool again; /* the library has more to do than its descriptor tells */
	struct MHD_Response *written; /* the last /metrics */
	uint64_t written_at;
};

static struct MHD_Response *response(const struct metrics_server *server, const char *type,
				     char *body, size_t size, enum MHD_ResponseMemoryMode mode)
{
	struct MHD_Response *made = server->library->create_response_from_buffer(size, body, mode);

	if (!made)
		return NULL;
	server->library->add_response_header(made, "Content-Type", type);
	server->library->add_response_header(made, "Connection", "close");
	return made;
}

static void rewrite(struct metrics_server *server)
{
	char *body = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&body, &size);

	if (server->written)
		server->library->destroy_response(server->written);
	server->written = NULL;
	if (!out)
		return;
	server->answers.write(server->answers.context, out);
	if (fclose(out)) {
		free(body);
		return;
	}
	server->written = response(server, FORMAT, body, size, MHD_RESPMEM_MUST_FREE);
	server->written_at = server->now;
}

static enum MHD_Result answer_metrics(struct metrics_server *server,
				      struct MHD_Connection *connection)
{
	if (!server->written || server->now - server->written_at >= SECOND)
		rewrite(server);
	if (!server->written)
		return MHD_NO;
	return server->library->queue_response(connection, MHD_HTTP_OK, server->written);
}

/* One line. */
static enum MHD_Result answer_text(struct metrics_server *server, struct MHD_Connection *connection,
				   unsigned int status, const char *words)
{
	char line[256];
	int length = snprintf(line, sizeof(line), "%.254s\n", words);
	struct MHD_Response *made =
		response(server, TEXT, line, (size_t)length, MHD_RESPMEM_MUST_COPY);
	enum MHD_Result rc;

	if (!made)
		return MHD_NO;
	if (status == MHD_HTTP_METHOD_NOT_ALLOWED)
		server->library->add_response_header(made, "Allow", "GET, HEAD");
	rc = server->library->queue_response(connection, status, made);
	server->library->destroy_response(made);
	return rc;
}

static enum MHD_Result answer_health(struct metrics_server *server,
				     struct MHD_Connection *connection)
{
	char why[200];

	if (!server->answers.unhealthy(server->answers.context, why, sizeof(why)))
		return answer_text(server, connection, MHD_HTTP_OK, "ok");
	return answer_text(server, connection, MHD_HTTP_SERVICE_UNAVAILABLE, why);
}

static enum MHD_Result on_request(void *context, struct MHD_Connection *connection, const char *url,
				  const char *method, const char *version, const char *upload,
				  size_t *upload_size, void **request)
{
	struct metrics_server *server = context;

	(void)version;
	(void)upload;
	(void)upload_size;
	(void)request;
	if (strcmp(method, MHD_HTTP_METHOD_GET) && strcmp(method, MHD_HTTP_METHOD_HEAD))
		return answer_text(server, connection, MHD_HTTP_METHOD_NOT_ALLOWED,
				   "only GET and HEAD");
	if (!strcmp(url, "/metrics"))
		return answer_metrics(server, connection);
	if (!strcmp(url, "/healthz"))
		return answer_health(server, connection);
	return answer_text(server, connection, MHD_HTTP_NOT_FOUND, "only /metrics and /healthz");
}

static struct client *client_of(struct metrics_server *server, int fd)
{
	for (int i = 0; i < LIMIT_METRICS_CLIENTS; i++)
		if (server->clients[i].fd == fd)
			return &server->clients[i];
	return NULL;
}

static void on_client(void *context, struct MHD_Connection *connection, void **own,
		      enum MHD_ConnectionNotificationCode code)
{
	struct metrics_server *server = context;
	const union MHD_ConnectionInfo *info =
		server->library->get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
	struct client *client =
		info ? client_of(server,
				 code == MHD_CONNECTION_NOTIFY_STARTED ? -1 : info->connect_fd)
		     : NULL;

	(void)own;
	if (!client)
		return;
	if (code == MHD_CONNECTION_NOTIFY_STARTED) {
		*client = (struct client){.fd = info->connect_fd, .since = server->now};
		server->count++;
	} else {
		client->fd = -1;
		server->count--;
		server->again = true; /* it may accept another one */
	}
}

struct metrics_server *metrics_server_new(int listener, const struct metrics_answers *answers,
					  char *error, size_t error_size)
{
	const struct metrics_library *library = metrics_library_get(error, error_size);
	struct metrics_server *server = library ? calloc(1, sizeof(*server)) : NULL;
	const union MHD_DaemonInfo *info;

	if (!server) {
		if (library)
			snprintf(error, error_size, "out of memory");
		return NULL;
	}
	server->library = library;
	server->answers = *answers;
	for (int i = 0; i < LIMIT_METRICS_CLIENTS; i++)
		server->clients[i].fd = -1;
	server->daemon = library->start_daemon(
		MHD_USE_EPOLL, 0, NULL, NULL, on_request, server, MHD_OPTION_LISTEN_SOCKET,
		listener, MHD_OPTION_CONNECTION_LIMIT, (unsigned int)LIMIT_METRICS_CLIENTS,
		MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)LIMIT_METRICS_REQUEST,
		MHD_OPTION_NOTIFY_CONNECTION, on_client, server, MHD_OPTION_END);
	info = server->daemon ? library->get_daemon_info(server->daemon, MHD_DAEMON_INFO_EPOLL_FD)
			      : NULL;
	if (info) {
		server->fd = info->epoll_fd;
		return server;
	}
	snprintf(error, error_size, "libmicrohttpd does not start");
	metrics_server_free(server);
	return NULL;
}

void metrics_server_free(struct metrics_server *server)
{
	if (!server)
		return;
	if (server->written)
		server->library->destroy_response(server->written);
	if (server->daemon)
		server->library->stop_daemon(server->daemon);
	free(server);
}

int metrics_server_fd(const struct metrics_server *server)
{
	return server && server->now >= server->next ? server->fd : -1;
}

/* Their time is over. The library finds the end of what it reads, or that nobody takes what it writes. */
static bool end_slow(struct metrics_server *server)
{
	uint64_t life =
		SECOND * (server->count < LIMIT_METRICS_CLIENTS ? LIMIT_METRICS_SECONDS
								: LIMIT_METRICS_SECONDS_FULL);
	bool any = false;

	for (int i = 0; i < LIMIT_METRICS_CLIENTS; i++) {
		const struct client *client = &server->clients[i];

		if (client->fd < 0 || server->now - client->since < life)
			continue;
		shutdown(client->fd, SHUT_RDWR);
		any = true;
	}
	return any;
}

static void run(struct metrics_server *server)
{
	MHD_UNSIGNED_LONG_LONG wait;

	server->again = false;
	server->library->run(server->daemon);
	if (server->library->get_timeout(server->daemon, &wait) == MHD_YES && wait == 0)
		server->again = true;
	server->next = server->now + LIMIT_METRICS_MS * UINT64_C(1000000);
}

uint64_t metrics_server_step(struct metrics_server *server, bool ready, uint64_t now)
{
	if (!server)
		return UINT64_MAX;
	server->now = now;
	if (now >= server->next && (end_slow(server) || ready || server->again))
		run(server);
	if (now < server->next)
		return server->next - now;
	return server->count ? SECOND : UINT64_MAX;
}
