/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * queue_ask.c - asks this host's MTAs for their queues, beside the rest of a snapshot
 *
 * An MTA is here if its executable is (enrich/mta.h), and then its own tool is asked, for the MTA's default configuration: what the MTA
 * says of its queue is right in every version of it, and its files are not for us to parse. Only paths that we know are executed, and
 * only those of the built-in MTAs: a configuration may name an MTA in a place that is not root's alone. What the tools print is not
 * parsed here: strangers choose the addresses in it.
 */
#include "cmd/queue_ask.h"

#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/msg.h"
#include "enrich/mta.h"
#include "enrich/users.h"
#include "pass/tool.h"

#define PIECE 32768 /* of a listing, in a frame */

enum tool_user {
	AS_NOBODY, /* anybody may ask */
	AS_MTA, /* its own users only */
	AS_ROOT, /* root only */
};

/*
 * postqueue(1) is for everybody, unless authorized_mailq_users says otherwise, and needs a Postfix that runs; then it gets the list from a
 * daemon. exim(8) takes those who run as Exim's user for administrators, who may see the queue. sendmail(8) reads the files itself, which
 * are root's and closed to all others in most installations; smtpctl(8) refuses all but root.
 */
static const struct {
	const char *name; /* of the MTA */
	const char *paths[3]; /* of its tool; none = the MTA's own executable is it */
	const char *arguments[4];
	enum tool_user user;
} tools[QUEUE_MTAS] = {
	[QUEUE_POSTFIX] = {"postfix",
			   {"/usr/sbin/postqueue", "/usr/bin/postqueue"},
			   {"postqueue", "-j"},
			   AS_NOBODY},
	[QUEUE_EXIM] = {"exim", {NULL}, {"exim", "-bp"}, AS_MTA},
	[QUEUE_SENDMAIL] = {"sendmail", {NULL}, {"sendmail", "-bp"}, AS_ROOT},
	[QUEUE_OPENSMTPD] = {"opensmtpd",
			     {"/usr/sbin/smtpctl", "/usr/bin/smtpctl"},
			     {"smtpctl", "show", "queue"},
			     AS_ROOT},
};

struct answer {
	bool asked;
	int32_t zone; /* as in a frame */
	struct tool_answer is;
	char text[LIMIT_QUEUE_BYTES];
};

struct queue_ask {
	pid_t asker;
	struct answer *answers; /* by enum queue_mta, shared with it */
};

/* A row of the MTA; NULL = it is not on this host. */
static const struct config_mta *find_mta(const struct mta_table *mtas, const char *name)
{
	const struct config_mta *mta;
	size_t at = 0;
	bool safe;

	while ((mta = mta_next(mtas, &at, &safe)))
		if (mta->builtin && strcmp(mta->name, name) == 0)
			return mta;
	return NULL;
}

static bool mta_user(const struct config_mta *mta, struct rights_user *user)
{
	const struct passwd *entry;
	uint32_t uid;

	if (users_id(mta->user, &uid) || !(entry = getpwuid(uid)))
		return false;
	user->uid = entry->pw_uid;
	user->gid = entry->pw_gid;
	return true;
}

static int32_t zone_now(void)
{
	time_t now = time(NULL);
	struct tm local;

	return localtime_r(&now, &local) ? (int32_t)local.tm_gmtoff : 0;
}

static void ask_one(enum queue_mta which, const struct config_mta *mta,
		    const struct rights_user *nobody, struct answer *answer)
{
	struct tool tool = {.path = mta->path,
			    .arguments = tools[which].arguments,
			    .milliseconds = LIMIT_QUEUE_MS};
	struct rights_user own;

	if (tools[which].user != AS_ROOT)
		tool.user = nobody;
	if (tools[which].user == AS_MTA && mta_user(mta, &own))
		tool.user = &own;
	for (unsigned int i = 0; tools[which].paths[i]; i++) {
		tool.path = tools[which].paths[i];
		if (access(tool.path, F_OK) == 0)
			break;
	}
	answer->zone = zone_now();
	tool_run(&tool, answer->text, sizeof(answer->text), &answer->is);
	answer->asked = true;
}

/* The asking process: nothing of ours is open in it, so that nobody waits for its end who waits for ours. */
static void ask_all(const struct queue_ask *ask, const struct mta_table *mtas,
		    const struct rights_user *nobody)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
		dup2(null, fd);
	close_range(STDERR_FILENO + 1, ~0u, 0);
	/* The tools don't have our environment either, nor its time zone. */
	clearenv();
	tzset();
	for (int which = 0; which < QUEUE_MTAS; which++) {
		const struct config_mta *mta = find_mta(mtas, tools[which].name);

		if (mta)
			ask_one((enum queue_mta)which, mta, nobody, &ask->answers[which]);
	}
	_exit(0);
}

static void release(struct queue_ask *ask)
{
	if (ask->answers != MAP_FAILED)
		munmap(ask->answers, QUEUE_MTAS * sizeof(*ask->answers));
	free(ask);
}

struct queue_ask *queue_ask_start(const struct enrich *enrich, const struct rights_user *user)
{
	struct queue_ask *ask = calloc(1, sizeof(*ask));

	if (!ask) {
		msg_warn("out of memory: the MTAs' queues are not asked for");
		return NULL;
	}
	ask->asker = -1;
	ask->answers = mmap(NULL, QUEUE_MTAS * sizeof(*ask->answers), PROT_READ | PROT_WRITE,
			    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (ask->answers != MAP_FAILED)
		ask->asker = fork();
	if (ask->asker == 0)
		ask_all(ask, enrich_mtas(enrich), user);
	if (ask->asker > 0)
		return ask;
	msg_warn("the MTAs' queues cannot be asked for: %s", strerror(errno));
	release(ask);
	return NULL;
}

static int tell(const struct answer *answer, enum queue_mta which, struct channel_writer *writer)
{
	struct frame_queue queue = {.mta = which, .zone = answer->zone};
	size_t at = 0;
	int rc = 0;

	for (; !rc && answer->is.size - at > PIECE; at += PIECE)
		rc = channel_write(writer, FRAME_QUEUE, &queue, sizeof(queue), answer->text + at,
				   PIECE);
	queue.end = answer->is.end;
	queue.status = answer->is.status;
	memcpy(queue.said, answer->is.said, sizeof(queue.said));
	return rc ? rc
		  : channel_write(writer, FRAME_QUEUE, &queue, sizeof(queue), answer->text + at,
				  answer->is.size - at);
}

static void keep(const struct answer *answer, enum queue_mta which, struct evidence *evidence)
{
	const char *const *arguments = tools[which].arguments;
	char name[64], source[64] = "";

	snprintf(name, sizeof(name), "queue-%s", tools[which].name);
	for (unsigned int i = 0; arguments[i]; i++)
		snprintf(source + strlen(source), sizeof(source) - strlen(source), "%s%s",
			 i ? " " : "", arguments[i]);
	evidence_bytes(evidence, name, source,
		       answer->is.end == TOOL_DONE ? "what it printed"
						   : "what it printed, not whole",
		       answer->text, answer->is.size);
}

int queue_ask_end(struct queue_ask **asked, struct channel_writer *writer,
		  struct evidence *evidence)
{
	struct queue_ask *ask = *asked;
	int rc = 0;

	if (!ask)
		return 0;
	while (waitpid(ask->asker, NULL, 0) < 0 && errno == EINTR)
		;
	for (int which = 0; which < QUEUE_MTAS && writer && !rc; which++) {
		const struct answer *answer = &ask->answers[which];

		if (!answer->asked)
			continue;
		if (evidence && answer->is.size)
			keep(answer, (enum queue_mta)which, evidence);
		rc = tell(answer, (enum queue_mta)which, writer);
	}
	release(ask);
	*asked = NULL;
	return rc;
}
