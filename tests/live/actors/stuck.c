/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * stuck - a process whose memory is locked for ever: stuck HOST PORT
 *
 * One of its threads reads a page of a file, through /proc/self/mem, so that the lock is held meanwhile; another wants to map something.
 * From then on everybody waits who wants to look into its memory, ps(1) among them. The file is on a FUSE file system in a mount namespace
 * of its own, whose server, a child, answers everything but that. Says "ready" and waits for the end of its standard input. Takes root;
 * status 77: there is no FUSE.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/fuse.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>

#include "talk.h"

#define PAGE 4096
#define PLACE "/tmp"

static int asked[2], go[2]; /* pipes: the page was asked for; the other thread may begin */
static void *page;
static volatile pid_t other;

static void answer(int fuse, uint64_t unique, const void *body, size_t size, int error)
{
	struct {
		struct fuse_out_header head;
		char body[256];
	} out = {.head = {.len = (uint32_t)(sizeof(out.head) + size),
			  .unique = unique,
			  .error = error}};

	memcpy(out.body, body, size);
	if (write(fuse, &out, out.head.len) < 0 && errno != ENOENT)
		err(1, "FUSE");
}

/* One file of one page, whatever it is called. */
static void serve(int fuse)
{
	static char request[1 << 17];
	const struct fuse_attr file = {
		.ino = 2, .size = PAGE, .mode = S_IFREG | 0444, .nlink = 1, .blksize = PAGE};
	const struct fuse_attr root = {.ino = 1, .mode = S_IFDIR | 0755, .nlink = 2};
	const struct fuse_in_header *head = (struct fuse_in_header *)request;

	while (read(fuse, request, sizeof(request)) > 0) {
		struct fuse_init_out init = {.major = FUSE_KERNEL_VERSION,
					     .minor = FUSE_KERNEL_MINOR_VERSION,
					     .max_readahead = PAGE,
					     .max_write = PAGE};
		struct fuse_entry_out entry = {
			.nodeid = 2, .entry_valid = 999, .attr_valid = 999, .attr = file};
		struct fuse_attr_out attributes = {.attr_valid = 999,
						   .attr = head->nodeid == 1 ? root : file};
		struct fuse_open_out opened = {.fh = 1};

		switch (head->opcode) {
		case FUSE_INIT:
			answer(fuse, head->unique, &init, sizeof(init), 0);
			break;
		case FUSE_LOOKUP:
			answer(fuse, head->unique, &entry, sizeof(entry), 0);
			break;
		case FUSE_GETATTR:
			answer(fuse, head->unique, &attributes, sizeof(attributes), 0);
			break;
		case FUSE_OPEN:
			answer(fuse, head->unique, &opened, sizeof(opened), 0);
			break;
		case FUSE_READ:
			if (write(asked[1], "", 1) != 1)
				err(1, "pipe");
			break;
		case FUSE_FORGET:
		case FUSE_INTERRUPT:
			break;
		default:
			answer(fuse, head->unique, "", 0, -ENOSYS);
		}
	}
	_exit(0);
}

static int open_file(void)
{
	char options[64];
	int fuse = open("/dev/fuse", O_RDWR | O_CLOEXEC), fd;

	if (fuse < 0)
		exit(77);
	if (unshare(CLONE_NEWNS) || mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL))
		err(1, "mount namespace");
	snprintf(options, sizeof(options), "fd=%d,rootmode=40000,user_id=0,group_id=0", fuse);
	if (mount("stuck", PLACE, "fuse", 0, options))
		exit(77);
	if (fork() == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		serve(fuse);
	}
	close(fuse);
	fd = open(PLACE "/file", O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		err(1, PLACE "/file");
	return fd;
}

static void *read_page(void *nothing)
{
	static char bytes[PAGE];
	int memory = open("/proc/self/mem", O_RDONLY | O_CLOEXEC);

	(void)nothing;
	pread(memory, bytes, PAGE, (off_t)(uintptr_t)page);
	errx(1, "the page came");
}

static void *map_something(void *nothing)
{
	char byte;

	(void)nothing;
	other = gettid();
	if (read(go[0], &byte, 1) != 1)
		err(1, "pipe");
	mmap(NULL, PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	errx(1, "it was mapped");
}

static bool waits_for_lock(pid_t thread)
{
	static char path[64], stat[512];
	int fd;

	snprintf(path, sizeof(path), "/proc/self/task/%d/stat", (int)thread);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || read(fd, stat, sizeof(stat) - 1) <= 0)
		err(1, "%s", path);
	close(fd);
	usleep(1000);
	return strstr(stat, ") D ");
}

int main(int argc, char **argv)
{
	struct sockaddr_in address;
	pthread_t threads[2];
	char byte;
	int fd;

	if (argc < 3)
		errx(2, "usage: stuck HOST PORT");
	address = talk_address(argv[1], argv[2]);
	fd = talk_socket();
	if (connect(fd, (struct sockaddr *)&address, sizeof(address)))
		err(1, "connect");
	if (pipe2(asked, O_CLOEXEC) || pipe2(go, O_CLOEXEC))
		err(1, "pipe");
	page = mmap(NULL, PAGE, PROT_READ, MAP_PRIVATE, open_file(), 0);
	if (page == MAP_FAILED || pthread_create(&threads[0], NULL, map_something, NULL) ||
	    pthread_create(&threads[1], NULL, read_page, NULL))
		err(1, "mmap");
	if (read(asked[0], &byte, 1) != 1)
		err(1, "pipe");
	/* Once before: what it takes is there then, and needs no lock any more. */
	waits_for_lock(getpid());
	if (write(go[1], "", 1) != 1)
		err(1, "pipe");
	while (!other || !waits_for_lock(other))
		;
	talk_send(STDOUT_FILENO, "ready\n");
	while (read(STDIN_FILENO, &byte, 1) > 0)
		;
	_exit(0);
}
