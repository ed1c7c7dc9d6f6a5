/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * advice.c - what would stop an actor: commands to be copied, never run
 *
 * A unit or container that its user may have named is left out, and so is every name that a shell could take for more than a name.
 */
#include <inttypes.h>
#include <string.h>

#include "present/advice.h"

#define NOGROUP 65534
#define MULTIPORT_MAX 15 /* iptables-extensions(8) */

/* Letters, digits and `others`. */
static bool has_only(struct bytes text, const char *others)
{
	for (size_t i = 0; i < text.length; i++) {
		char c = text.at[i];

		if (!(c >= 'a' && c <= 'z') && !(c >= 'A' && c <= 'Z') && !(c >= '0' && c <= '9') &&
		    (!c || !strchr(others, c)))
			return false;
	}
	return true;
}

/* And what systemd and container runtimes put between them; not an option. */
static bool is_plain(struct bytes name)
{
	return name.length && name.length < ADVICE_NAME && name.at[0] != '-' &&
	       has_only(name, "@._:-");
}

/* A file that somebody has put there: not what a distribution installs. */
static bool is_plain_file(struct bytes path)
{
	static const char *const installed[] = {
		"/usr/bin/", "/usr/sbin/", "/usr/lib", "/usr/share/", "/bin/", "/sbin/", "/lib"};

	if (path.length < 2 || path.length >= ADVICE_PATH || path.at[0] != '/' ||
	    !has_only(path, "/@._:+-"))
		return false;
	for (size_t i = 0; i < sizeof(installed) / sizeof(installed[0]); i++)
		if (bytes_begin(path, installed[i]))
			return false;
	return true;
}

static bool is_service(struct bytes name)
{
	static const char end[] = ".service";
	size_t length = sizeof(end) - 1;

	/* user@1000.service is all that a user runs. */
	return name.length > length && !memcmp(name.at + name.length - length, end, length) &&
	       !memchr(name.at, '@', name.length);
}

static void take(char out[ADVICE_NAME], struct bytes name)
{
	memcpy(out, name.at, name.length);
	out[name.length] = '\0';
}

static void add_pid(struct advice *advice, uint32_t pid)
{
	unsigned int kept = advice->pid_count < ADVICE_PIDS ? advice->pid_count : ADVICE_PIDS;

	for (unsigned int i = 0; i < kept; i++)
		if (advice->pids[i] == pid)
			return;
	if (kept < ADVICE_PIDS)
		advice->pids[kept] = pid;
	advice->pid_count++;
}

void advice_add(struct advice *advice, const struct process *process,
		const struct socket_seen *socket)
{
	char unit[ADVICE_NAME] = "", container[ADVICE_NAME] = "";
	bool first = !advice->pid_count;

	if (!process->unit_claimed && !process->container.length && is_plain(process->unit) &&
	    is_service(process->unit))
		take(unit, process->unit);
	if (!process->container_claimed && is_plain(process->container))
		take(container, process->container);
	if (first) {
		strcpy(advice->unit, unit);
		strcpy(advice->container, container);
		advice->runtime = process->runtime;
	} else if (strcmp(advice->unit, unit) || strcmp(advice->container, container)) {
		advice->mixed = true;
	}
	advice->elsewhere |= !process->extra.host_netns;
	advice->mta |= process->extra.mta_flags & (ENRICHMENT_MTA_USER | ENRICHMENT_MTA_OWN_USER);
	add_pid(advice, process->id.tgid);
	for (unsigned int i = 0; i < socket_holders(socket); i++)
		add_pid(advice, socket->holders[i].tgid);
	advice->more |= socket && socket->holder_count > LIMIT_HOLDERS;
}

void advice_file(struct advice *advice, const struct process *process, struct bytes path)
{
	/* In a container the path is another one's here. Root would follow whatever link is in the way. */
	if (process->container.length || !process->id.uid || process->id.uid == UINT32_MAX ||
	    !is_plain_file(path))
		return;
	memcpy(advice->file, path.at, path.length);
	advice->file[path.length] = '\0';
	advice->file_uid = process->id.uid;
	advice->file_gid = process->id.gid ? process->id.gid : NOGROUP;
}

static void print(const struct text *text, const char *what, const char *command,
		  unsigned int indent)
{
	struct line line;

	line_clear(&line);
	line_pad(&line, indent);
	line_add(&line, what);
	/* A command is not broken: the terminal may wrap it, and a copy of it is one line. */
	if (line.columns + 1 + strlen(command) > text->layout.width) {
		text_put(text, &line);
		fprintf(text->out, "%*s%s\n", (int)indent, "", command);
		return;
	}
	line_add(&line, " ");
	line_add(&line, command);
	text_put(text, &line);
}

static void kill_words(const struct advice *advice, char *out, size_t size)
{
	size_t used = (size_t)snprintf(out, size, "kill");

	for (unsigned int i = 0; i < advice->pid_count && i < ADVICE_PIDS; i++)
		used += (size_t)snprintf(out + used, size - used, " %" PRIu32, advice->pids[i]);
}

/* The firewall's rule for this user: of no use for root, nor in another network namespace. What is handed to the local MTA still goes. */
static void block_words(const uint16_t *ports, unsigned int count, uint32_t uid, char *out,
			size_t size)
{
	size_t used = (size_t)snprintf(out, size,
				       "iptables -I OUTPUT ! -o lo -p tcp -m multiport --dports ");

	for (unsigned int i = 0; i < count && i < MULTIPORT_MAX; i++)
		used += (size_t)snprintf(out + used, size - used, "%s%u", i ? "," : "", ports[i]);
	snprintf(out + used, size - used, " -m owner --uid-owner %" PRIu32 " -j REJECT", uid);
}

unsigned int advice_commands(const struct advice *advice, const uint16_t *ports,
			     unsigned int port_count, uint32_t uid,
			     struct advice_command out[ADVICE_COMMANDS])
{
	bool docker = advice->runtime &&
		      (!strcmp(advice->runtime, "docker") || !strcmp(advice->runtime, "podman"));
	struct advice_command *at = out;

	if (!advice->pid_count)
		return 0;
	if (!advice->over) {
		at->what = "to stop:";
		kill_words(advice, at->command, sizeof(at->command));
		at++;
	}
	if (!advice->mixed && advice->unit[0]) {
		at->what = "or all of its service:";
		snprintf(at->command, sizeof(at->command), "systemctl stop %s", advice->unit);
		at++;
	}
	if (!advice->mixed && advice->container[0] && docker) {
		at->what = "or all of its container:";
		snprintf(at->command, sizeof(at->command), "%s stop %.12s", advice->runtime,
			 advice->container);
		at++;
	}
	if (uid && uid != UINT32_MAX && !advice->elsewhere && !advice->mta && port_count) {
		at->what = "to block the user (ip6tables too):";
		block_words(ports, port_count, uid, at->command, sizeof(at->command));
		at++;
	}
	if (advice->file[0]) {
		at->what = "to move it away, after a look at it:";
		snprintf(at->command, sizeof(at->command),
			 "setpriv --reuid %" PRIu32 " --regid %" PRIu32
			 " --clear-groups mv -i %s /var/tmp/",
			 advice->file_uid, advice->file_gid, advice->file);
		at++;
	}
	return (unsigned int)(at - out);
}

void advice_print(const struct advice *advice, const struct text *text, uint32_t uid,
		  unsigned int indent)
{
	struct advice_command commands[ADVICE_COMMANDS];
	unsigned int count = advice_commands(advice, text->ports, text->port_count, uid, commands);

	for (unsigned int i = 0; i < count; i++) {
		print(text, commands[i].what, commands[i].command, indent);
		if (i == 0 && advice->more)
			print(text, "not enough:", "more processes have it open; ss -tnpO has them",
			      indent);
		else if (i == 0 && advice->pid_count > ADVICE_PIDS)
			print(text, "not enough:", "there are more processes; --json has them",
			      indent);
	}
}
