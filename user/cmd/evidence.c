/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * evidence.c - a directory or an archive with what an investigation needs before the attacker removes it
 *
 * The keeper is a process of its own, asked through a socket: a request that finds no room is counted and not waited for, so that the
 * trace goes on. For each request it makes a child, which a timer ends. Nothing is kept after an error in writing.
 */
#include "cmd/evidence.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/fs.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/timex.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/bytes.h"
#include "base/child.h"
#include "base/clock.h"
#include "base/escape.h"
#include "base/member.h"
#include "base/msg.h"
#include "cmd/evidence_copy.h"
#include "cmd/evidence_list.h"
#include "cmd/evidence_pack.h"
#include "cmd/libarchive.h"
#include "event_script.h"
#include "source/kernel.h"

#define PARTIAL ".partial"
#define PATH_BYTES 4096
#define READY_BYTES 256 /* why the keeper can't; empty = it is ready */

enum asked { ASKED_PROCESS, ASKED_HOLDER, ASKED_SCRIPT, ASKED_END };

struct request {
	uint32_t asked; /* enum asked */
	uint32_t reserved;
	uint64_t missed; /* ASKED_END: requests that found no room; UINT64_MAX = keep nothing */
	uint8_t payload[sizeof(struct enrichment) + sizeof(struct event_script) +
			sizeof(struct event_open)];
};

struct evidence {
	char path[PATH_BYTES], partial[PATH_BYTES + sizeof(PARTIAL)];
	char top[EVIDENCE_TOP_BYTES]; /* the folder in the archive; empty = it is a directory */
	struct evidence_place place;
	int records;
	int ask; /* to the keeper */
	pid_t keeper;
	uint64_t missed;
	unsigned int processes;
	uint32_t seen[LIMIT_EVIDENCE_PROCESSES]; /* process ids that were asked for */
	uint8_t script[sizeof(struct event_script)]; /* the one that was asked for last */
	size_t script_size;
	/* Who has which connection open; until it is known whose they are. */
	struct event_holder holders[LIMIT_EVIDENCE_HOLDERS];
	unsigned int holder_count;
	uint32_t holding; /* who was told last, and how many connections of his */
	unsigned int holds;
	uint64_t suspects[LIMIT_EVIDENCE_HOLDERS]; /* connections, by cookie */
	unsigned int suspect_count;
};

static int failed(const struct evidence *evidence, const char *what, int error)
{
	char shown[256];

	escape_text(shown, sizeof(shown), evidence->path, strlen(evidence->path), NULL);
	msg_error("--evidence %s: %s: %s; nothing is kept", shown, what, strerror(error));
	return -1;
}

static int make_file(const struct evidence *evidence, const char *name, int flags)
{
	return openat(evidence->place.directory, name,
		      O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC | flags, 0600);
}

/* When and where: the kernel's clock says how far it is off, if somebody keeps it right. */
static int write_host(const struct evidence *evidence)
{
	struct timex clock = {0};
	int state = adjtimex(&clock), fd = make_file(evidence, "host", O_WRONLY);
	FILE *file = fd < 0 ? NULL : fdopen(fd, "w");
	time_t now = time(NULL);
	uint8_t boot[16] = {0};
	struct utsname kernel;
	char when[32];

	if (!file)
		return -errno;
	kernel_boot_id(boot);
	uname(&kernel);
	strftime(when, sizeof(when), "%Y-%m-%dT%H:%M:%SZ", gmtime(&now));
	fprintf(file, "smtpsnoop %s\ntime %s\n", SMTPSNOOP_VERSION, when);
	if (state == TIME_ERROR || clock.status & STA_UNSYNC)
		fprintf(file, "clock not synchronised: how far it is off is not known\n");
	else
		fprintf(file, "clock synchronised, off by an estimated %ld us\n", clock.esterror);
	fprintf(file, "boot ");
	/* In groups, as random(4) tells it. */
	for (unsigned int i = 0; i < sizeof(boot); i++)
		fprintf(file, "%s%02x", i == 4 || i == 6 || i == 8 || i == 10 ? "-" : "", boot[i]);
	fprintf(file, "\nkernel %s %s %s\nhost %s\n", kernel.sysname, kernel.release,
		kernel.machine, kernel.nodename);
	return fclose(file) ? -errno : 0;
}

static void end_unused(struct evidence *evidence)
{
	if (evidence->place.directory >= 0)
		close(evidence->place.directory);
	if (evidence->place.sources >= 0)
		close(evidence->place.sources);
	if (evidence->records >= 0)
		close(evidence->records);
	free(evidence);
}

int evidence_only_records(struct evidence *evidence)
{
	close(evidence->place.directory);
	close(evidence->place.sources);
	close(evidence->ask);
	return evidence->records;
}

/* The keeper's part from here. */

static int remove_file(int directory, const char *name, const char *path, void *context)
{
	(void)path;
	(void)context;
	return unlinkat(directory, name, 0) && unlinkat(directory, name, AT_REMOVEDIR) ? -errno : 0;
}

static void remove_all(const struct evidence *evidence)
{
	evidence_each(evidence->place.directory, "", remove_file, NULL, FOLDERS_LAST);
	rmdir(evidence->partial);
}

/* One request, in a child. 0 or -errno. */
static int keep(const struct evidence *evidence, const struct request *request, size_t size)
{
	pid_t child = fork();
	int how = 0;

	if (child < 0)
		return -errno;
	if (child == 0) {
		int rc;

		signal(SIGALRM, SIG_DFL);
		alarm(LIMIT_EVIDENCE_SECONDS);
		switch (request->asked) {
		case ASKED_PROCESS:
			rc = evidence_copy_process(&evidence->place, request->payload, size);
			break;
		case ASKED_HOLDER:
			rc = evidence_copy_holder(&evidence->place, request->payload, size);
			break;
		default:
			rc = evidence_copy_script(&evidence->place, request->payload, size);
		}
		_exit(-rc);
	}
	/* What waits for a file system that never answers can't even be killed: it is left alone. */
	if (!child_wait(child, (LIMIT_EVIDENCE_SECONDS + 2) * 1000, -1, &how) || WIFSIGNALED(how))
		dprintf(evidence->place.sources, "-\t-\tone process is not whole: %s\n",
			!how || WTERMSIG(how) == SIGALRM ? "its files took too long to read"
							 : strsignal(WTERMSIG(how)));
	return WIFEXITED(how) ? -WEXITSTATUS(how) : 0;
}

/* Who may write in the directory around it could have put something else in its place. */
static int give_name(const struct evidence *evidence)
{
	bool packed = evidence->top[0];
	int from = packed ? evidence->place.directory : AT_FDCWD;
	const char *name = packed ? EVIDENCE_PACKED : evidence->partial;
	struct stat ours, there;

	if (packed ? fstatat(from, name, &ours, AT_SYMLINK_NOFOLLOW)
		   : fstat(evidence->place.directory, &ours))
		return -errno;
	if (renameat2(from, name, AT_FDCWD, evidence->path, RENAME_NOREPLACE) ||
	    lstat(evidence->path, &there))
		return -errno;
	return ours.st_dev == there.st_dev && ours.st_ino == there.st_ino ? 0 : -ESTALE;
}

static int finish(const struct evidence *evidence, uint64_t missed)
{
	int rc = 0;

	if (missed && dprintf(evidence->place.sources,
			      "-\t-\t%" PRIu64 " processes or scripts found no room or no time\n",
			      missed) < 0)
		rc = -errno;
	if (!rc)
		rc = evidence_list_write(evidence->place.directory);
	if (!rc && evidence->top[0])
		rc = evidence_pack(evidence->place.directory, evidence->top);
	else if (!rc && syncfs(evidence->place.directory))
		rc = -errno;
	return rc ? rc : give_name(evidence);
}

/* Before anything is traced, and by the keeper alone: the others have no use for what comes with the library. */
static bool is_ready(const struct evidence *evidence, int asked)
{
	char error[READY_BYTES] = "";

	if (evidence->top[0])
		libarchive_get(error, sizeof(error));
	send(asked, error, sizeof(error), MSG_NOSIGNAL);
	return !error[0];
}

/* Until it is told how it ends; a socket that is closed without that says that the others are gone. */
static int keeper(struct evidence *evidence, int asked)
{
	static struct request request;
	uint64_t until = 0, late = 0;
	ssize_t got;
	int rc;

	if (!is_ready(evidence, asked))
		return ENOSYS;
	rc = write_host(evidence);
	while ((got = recv(asked, &request, sizeof(request), 0)) > 0 ||
	       (got < 0 && errno == EINTR)) {
		if (got < (ssize_t)offsetof(struct request, payload))
			continue;
		if (request.asked == ASKED_END)
			break;
		/* From the first on. */
		if (!until)
			until = clock_ns(CLOCK_MONOTONIC) +
				LIMIT_EVIDENCE_ALL_SECONDS * UINT64_C(1000000000);
		if (clock_ns(CLOCK_MONOTONIC) > until)
			late++;
		else if (!rc)
			rc = keep(evidence, &request,
				  (size_t)got - offsetof(struct request, payload));
	}
	if (!rc)
		rc = -evidence->place.shared->error;
	if (got > 0 && request.missed != UINT64_MAX && !rc)
		rc = finish(evidence, request.missed + late);
	else if (!rc)
		rc = -ECANCELED;
	if (rc || evidence->top[0])
		remove_all(evidence);
	return -rc;
}

/* The other processes' part from here. */

/* False: what the keeper needs is not there, or it is over; the message is out. */
static bool wait_until_ready(const struct evidence *evidence)
{
	char error[READY_BYTES] = "";
	ssize_t got;

	while ((got = recv(evidence->ask, error, sizeof(error), 0)) < 0 && errno == EINTR)
		;
	if (got == sizeof(error) && !error[0])
		return true;
	if (got == sizeof(error))
		msg_error("%s", error);
	else
		failed(evidence, "its keeper is over", EIO);
	close(evidence->ask);
	waitpid(evidence->keeper, NULL, 0);
	return false;
}

/* 0 or -1 with errno. */
static int start(struct evidence *evidence)
{
	static const int theirs[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGPIPE};
	int ends[2];

	evidence->place.shared = mmap(NULL, sizeof(*evidence->place.shared), PROT_READ | PROT_WRITE,
				      MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (evidence->place.shared == MAP_FAILED ||
	    socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends))
		return -1;
	evidence->keeper = fork();
	if (evidence->keeper == 0) {
		close(ends[1]);
		for (size_t i = 0; i < sizeof(theirs) / sizeof(theirs[0]); i++)
			signal(theirs[i], SIG_IGN);
		_exit(keeper(evidence, ends[0]));
	}
	close(ends[0]);
	evidence->ask = ends[1];
	return evidence->keeper < 0 ? -1 : 0;
}

/* The folder in an archive is called as it is. 0 or an errno. */
static int name_top(struct evidence *evidence)
{
	struct bytes leaf = bytes_leaf(bytes_of(evidence->path)), top, below;

	leaf.length -= strlen(EVIDENCE_ARCHIVE);
	if (leaf.length >= sizeof(evidence->top))
		return ENAMETOOLONG;
	memcpy(evidence->top, leaf.at, leaf.length);
	return member_split(evidence->top, &top, &below) ? 0 : EINVAL;
}

static int name_all(struct evidence *evidence, const char *path)
{
	size_t length = strlen(path);

	while (length > 1 && path[length - 1] == '/')
		length--;
	if (length >= sizeof(evidence->path))
		return ENAMETOOLONG;
	memcpy(evidence->path, path, length);
	snprintf(evidence->partial, sizeof(evidence->partial), "%s" PARTIAL, evidence->path);
	return evidence_is_archive(path) ? name_top(evidence) : 0;
}

struct evidence *evidence_new(const char *path)
{
	struct evidence *evidence = calloc(1, sizeof(*evidence));
	struct stat there;
	int wrong;

	if (!evidence) {
		msg_error("out of memory");
		return NULL;
	}
	evidence->place.directory = evidence->place.sources = evidence->records = -1;
	wrong = name_all(evidence, path);
	if (wrong) {
		failed(evidence, "the name", wrong);
		goto bad;
	}
	if (lstat(evidence->path, &there) == 0) {
		failed(evidence,
		       evidence->top[0] ? "it has to be a new file"
					: "it has to be a new directory",
		       EEXIST);
		goto bad;
	}
	if (mkdir(evidence->partial, 0700)) {
		failed(evidence, "cannot make its directory", errno);
		goto bad;
	}
	evidence->place.directory =
		open(evidence->partial, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (evidence->place.directory >= 0)
		evidence->place.sources = make_file(evidence, "SOURCES", O_WRONLY | O_APPEND);
	if (evidence->place.sources >= 0)
		evidence->records = make_file(evidence, "records.ndjson", O_WRONLY);
	if (evidence->records < 0 || start(evidence))
		failed(evidence, "cannot write there", errno);
	else if (wait_until_ready(evidence))
		return evidence;
	remove_all(evidence);
bad:
	end_unused(evidence);
	return NULL;
}

static void ask(struct evidence *evidence, enum asked asked, const void *first, size_t first_size,
		const void *second, size_t second_size)
{
	static struct request request;

	if (first_size + second_size > sizeof(request.payload)) {
		evidence->missed++;
		return;
	}
	request.asked = asked;
	memcpy(request.payload, first, first_size);
	memcpy(request.payload + first_size, second, second_size);
	if (send(evidence->ask, &request,
		 offsetof(struct request, payload) + first_size + second_size,
		 MSG_DONTWAIT | MSG_NOSIGNAL) < 0)
		evidence->missed++;
}

/* A trusted MTA, and what goes to this host itself, is no suspect. */
static bool is_suspect(const struct enrichment *extra)
{
	return (extra->mta_flags & ENRICHMENT_MTA_TRUSTED) != ENRICHMENT_MTA_TRUSTED &&
	       !extra->host_address;
}

/* False: it was asked for before, or there is no room. */
static bool is_new(struct evidence *evidence, uint32_t tgid)
{
	for (unsigned int i = 0; i < evidence->processes; i++)
		if (evidence->seen[i] == tgid)
			return false;
	if (evidence->processes == LIMIT_EVIDENCE_PROCESSES) {
		evidence->missed++;
		return false;
	}
	evidence->seen[evidence->processes++] = tgid;
	return true;
}

void evidence_process(struct evidence *evidence, const struct enrichment *extra,
		      const struct event_open *open, size_t size)
{
	if (!is_suspect(extra))
		return;
	if (evidence->suspect_count < LIMIT_EVIDENCE_HOLDERS)
		evidence->suspects[evidence->suspect_count++] = open->head.cookie;
	if (is_new(evidence, open->who.tgid))
		ask(evidence, ASKED_PROCESS, extra, sizeof(*extra), open, size);
}

void evidence_holder(struct evidence *evidence, const struct event_holder *holder)
{
	if (holder->holds != HOLDS_CONNECTION)
		return;
	/* Those of one process come one after another. */
	if (holder->tgid != evidence->holding) {
		evidence->holding = holder->tgid;
		evidence->holds = 0;
		evidence->missed += evidence->holder_count == LIMIT_EVIDENCE_HOLDERS;
	}
	if (evidence->holds++ < LIMIT_EVIDENCE_HOLDS &&
	    evidence->holder_count < LIMIT_EVIDENCE_HOLDERS)
		evidence->holders[evidence->holder_count++] = *holder;
}

static int by_cookie(const void *a, const void *b)
{
	const uint64_t *left = a, *right = b;

	return *left < *right ? -1 : *left > *right;
}

void evidence_holders_end(struct evidence *evidence)
{
	qsort(evidence->suspects, evidence->suspect_count, sizeof(evidence->suspects[0]),
	      by_cookie);
	for (unsigned int i = 0; i < evidence->holder_count; i++) {
		const struct event_holder *holder = &evidence->holders[i];

		if (bsearch(&holder->cookie, evidence->suspects, evidence->suspect_count,
			    sizeof(evidence->suspects[0]), by_cookie) &&
		    is_new(evidence, holder->tgid))
			ask(evidence, ASKED_HOLDER, holder, sizeof(*holder), "", 0);
	}
}

void evidence_script(struct evidence *evidence, const void *record, size_t size)
{
	const size_t head = sizeof(struct event_head);

	/* One that sends, or waits on, many connections is told with each of them. */
	if (size < head || size > sizeof(evidence->script) ||
	    (size == evidence->script_size &&
	     !memcmp((const uint8_t *)record + head, evidence->script + head, size - head)))
		return;
	memcpy(evidence->script, record, size);
	evidence->script_size = size;
	ask(evidence, ASKED_SCRIPT, "", 0, record, size);
}

void evidence_bytes(struct evidence *evidence, const char *name, const char *source,
		    const char *remark, const void *bytes, size_t size)
{
	int rc = evidence_copy_bytes(&evidence->place, name, source, remark, bytes, size);

	if (rc)
		evidence->place.shared->error = -rc;
}

int evidence_end(struct evidence *evidence, bool keep)
{
	struct request request = {.asked = ASKED_END};
	int how = 0, error;

	if (!evidence)
		return 0;
	if (keep && evidence->missed)
		msg_warn("--evidence: %" PRIu64 " processes or scripts found no room: they are not "
			 "in it",
			 evidence->missed);
	request.missed = keep ? evidence->missed : UINT64_MAX;
	send(evidence->ask, &request, offsetof(struct request, payload), MSG_NOSIGNAL);
	close(evidence->ask);
	while (waitpid(evidence->keeper, &how, 0) < 0 && errno == EINTR)
		;
	error = WIFEXITED(how) ? WEXITSTATUS(how) : EIO;
	if (error && keep)
		failed(evidence, "cannot write it", error);
	end_unused(evidence);
	return error ? -1 : 0;
}
