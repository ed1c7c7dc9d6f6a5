/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * reasons.c - the words that stand beside a verdict, and what each one means
 *
 * Facts, with every verdict:
 *   refused           a 4xx or 5xx to the greeting, a sender, a recipient or a message; not one that only says that a command is
 *                     not known (500, 502, 504) or that a login failed (432, 454, 530, 534, 535, 538)
 *   blocklisted       a refusal names a blocklist
 *   handed-over       another process than the opener wrote to the socket
 *   existing          the connection was there before the tracer
 *   proxy             an SMTP port was asked for through CONNECT or SOCKS
 *   attempt-only      over without having been established, or without a word of SMTP or TLS; not for existing ones
 *   unfollowed        the kernel had no memory to follow it: nothing but the attempt is known; never with attempt-only
 *   script-recent     the file that PHP was at has changed within 7 days (its ctime, which no program sets)
 *   entry-not-script  it is another one than the file that the web server asked for
 *   allowed           (relay) an allow rule matched; set in verdict.c
 *   evidence-missing  (unknown) the executable of opener or sender could not be read, or it is a capture; set in verdict.c
 *
 * With bypass, impostor and unknown only, about opener or sender:
 *   exe-deleted       the executable's file has no name any more
 *   exe-memfd         the executable was never a file
 *   exe-in-tmp        it lies below /tmp, /var/tmp, /dev/shm, /run/user, /run/shm, or below a hidden directory in /home, /root, /var/www
 *                     or /srv; where tool chains install themselves (~/.nvm, ~/.local/bin ...) is not hidden
 *   script-in-uploads an interpreter's script lies in a directory for uploads; or the working directory does, of PHP, or where no
 *                     file is named
 *   script-hidden     its name begins with a dot, or is that of an image, a style sheet, a document or a log
 *   name-mismatch     comm or argv[0] wear another name than the executable's: see disguise.c
 *   fake-kthread      it wears a kernel thread's name and is none
 *   mta-user          it runs as an MTA's user from another executable
 *   root              it runs as the host's root and is not the MTA
 *   mta-in-container  it is an MTA in a container that the configuration does not trust
 *   mta-writable      it is the MTA's executable, but others than root can write it
 *
 * With bypass, impostor and unknown only, about the connection or its actor:
 *   direct-mx         to port 25 of another host
 *   odd-port          SMTP on a port that is not listed
 *   helo-literal      HELO with an address, in brackets or bare
 *   helo-localhost    HELO localhost, localhost.ANYTHING or ANYTHING.localhost
 *   helo-changes      several HELO names, on this connection or by this actor
 *   fan-out, burst    many destinations, many connections of the actor in the window around it
 *   many-recipients   RCPT commands on this connection at or over the threshold
 *   early-talker      it spoke before the greeting
 *   urgent-data       bytes beside the dialogue as TCP urgent data, which hides lines from simpler readers of the wire
 *   no-quit           a mail was begun in clear text, nothing is missing, and it ended without QUIT
 *
 * Pure.
 */
#include <arpa/inet.h>
#include <string.h>
#include <strings.h>

#include "base/address.h"
#include "enrich/script_file.h"
#include "judge/disguise.h"
#include "judge/reasons.h"
#include "judge/script_place.h"

#define RECENT_SECONDS (7 * 24 * 3600)
#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static bool is_refusal(uint16_t code)
{
	static const uint16_t others[] = {432, 454, 500, 502, 504, 530, 534, 535, 538};

	for (size_t i = 0; i < COUNT(others); i++) {
		if (code == others[i])
			return false;
	}
	return code >= 400;
}

static bool said_something(const struct session_facts *session)
{
	return session && (session->greeting.seen || session->helo.seen || session->smtp ||
			   session->tls != SESSION_TLS_NONE);
}

static bool is_recent(const struct script *script)
{
	return script->facts.known == SCRIPT_FILE_THERE && script->facts.age < RECENT_SECONDS;
}

/* On the command line a file that includes another is no news. */
static bool serves_request(const struct script *script)
{
	return script->words[SCRIPT_METHOD].length || script->words[SCRIPT_URL].length;
}

/* Of a long path the kernel keeps the end: what is left of it is compared. */
static bool is_another(struct bytes file, struct bytes entry)
{
	if (file.length == SCRIPT_WORD_MAX - 1 && entry.length > file.length) {
		entry = bytes_after(entry, entry.length - file.length);
		return !bytes_equal(file, entry);
	}
	/* Code of the command line and of standard input is no file. */
	return bytes_begin(file, "/") && bytes_begin(entry, "/") && !bytes_equal(file, entry);
}

/* Of the script that PHP was at. */
static uint64_t running_script(const struct script *script)
{
	struct bytes file = script_sender(script), entry = script->words[SCRIPT_ENTRY];
	uint64_t reasons = 0;

	if (script_in_uploads(file))
		reasons |= REASON(SCRIPT_IN_UPLOADS);
	if (script_is_hidden(file))
		reasons |= REASON(SCRIPT_HIDDEN);
	if (is_recent(script))
		reasons |= REASON(SCRIPT_RECENT);
	if (script_caller(script) && serves_request(script) && is_another(file, entry))
		reasons |= REASON(ENTRY_NOT_SCRIPT);
	return reasons;
}

uint64_t reasons_facts(const struct verdict_case *facts)
{
	const struct session_facts *session = facts->session;
	uint64_t reasons = 0;

	if (session &&
	    (session->refused_greeting || session->refused || is_refusal(session->worst_code)))
		reasons |= REASON(REFUSED);
	if (session && session->blocklist)
		reasons |= REASON(BLOCKLISTED);
	if (facts->sender)
		reasons |= REASON(HANDED_OVER);
	if (facts->flags & EVENT_F_EXISTING)
		reasons |= REASON(EXISTING);
	if (facts->found == FOUND_PROXY)
		reasons |= REASON(PROXY);
	if (facts->script && facts->script->version)
		reasons |= running_script(facts->script);
	if (facts->flags & EVENT_F_UNFOLLOWED)
		reasons |= REASON(UNFOLLOWED);
	else if (facts->ended && !(facts->flags & EVENT_F_EXISTING) &&
		 (!facts->established || !said_something(session)))
		reasons |= REASON(ATTEMPT_ONLY);
	return reasons;
}

/* Begins with one of them. */
static bool below(struct bytes path, const char *const list[], size_t count)
{
	for (size_t i = 0; i < count; i++) {
		if (bytes_begin(path, list[i]))
			return true;
	}
	return false;
}

static bool in_hidden_directory(struct bytes path)
{
	static const char *const homes[] = {"/home/", "/root/", "/var/www/", "/srv/"};
	/* Where people's tool chains put executables; an attacker may too, but then it says nothing. */
	static const char *const usual[] = {
		"/.nvm/",   "/.pyenv/", "/.rbenv/",  "/.rvm/",	     "/.asdf/",
		"/.cargo/", "/.volta/", "/.sdkman/", "/.local/bin/", "/.local/share/virtualenvs/",
		"/.venv/"};
	const char *dot;

	if (!below(path, homes, COUNT(homes)))
		return false;
	dot = memmem(path.at, path.length, "/.", 2);
	if (!dot)
		return false;
	path = bytes_after(path, (size_t)(dot - path.at));
	/* The executable's own name may begin with a dot: then there is no further slash. */
	return memchr(path.at + 1, '/', path.length - 1) && !below(path, usual, COUNT(usual));
}

static bool exe_in_tmp(const struct process *process)
{
	static const char *const temporary[] = {"/tmp/", "/var/tmp/", "/dev/shm/", "/run/user/",
						"/run/shm/"};

	return below(process->exe, temporary, COUNT(temporary)) ||
	       in_hidden_directory(process->exe);
}

/*
 * Of the script that an interpreter was started with. Where the arguments name no file, the working directory stands for it; a PHP
 * server enters the directory of the script that it runs.
 */
static uint64_t started_script(const struct process *process, const struct script *script)
{
	const struct process then = script_executed(process, script);
	struct script_file file;
	uint64_t reasons = 0;

	if (!script_file_find(&then, &file))
		return 0;
	if (script_in_uploads(script_file_path(&file)) ||
	    ((file.kind != SCRIPT_FILE || file.language == SCRIPT_PHP) &&
	     script_in_uploads(process->cwd)))
		reasons |= REASON(SCRIPT_IN_UPLOADS);
	if (file.kind != SCRIPT_FILE)
		return reasons;
	if (script_is_hidden(script_file_path(&file)))
		reasons |= REASON(SCRIPT_HIDDEN);
	if (!script || script->version)
		return reasons;
	/* A CGI program's environment goes on to what it starts. */
	if (bytes_equal(script_file_path(&file), script->words[SCRIPT_ENTRY]) && is_recent(script))
		reasons |= REASON(SCRIPT_RECENT);
	if (serves_request(script) &&
	    is_another(script_file_path(&file), script->words[SCRIPT_ENTRY]))
		reasons |= REASON(ENTRY_NOT_SCRIPT);
	return reasons;
}

static uint64_t identity_of(const struct process *process)
{
	uint8_t mta = process->extra.mta_flags;
	bool contained = process->extra.container_pidns || process->container.length;
	struct disguise disguise = disguise_of(process);
	uint64_t reasons = 0;

	if (process->id.flags & IDENTITY_EXE_MEMFD)
		reasons |= REASON(EXE_MEMFD); /* which has no links either */
	else if (process->id.flags & IDENTITY_EXE_DELETED)
		reasons |= REASON(EXE_DELETED);
	if (exe_in_tmp(process))
		reasons |= REASON(EXE_IN_TMP);
	else if (process->id.flags & IDENTITY_EXE_CUT)
		reasons |= REASON(EVIDENCE_MISSING); /* the beginning of its path would tell */
	if (disguise.mismatch)
		reasons |= REASON(NAME_MISMATCH);
	if (disguise.fake_kthread)
		reasons |= REASON(FAKE_KTHREAD);
	if (mta & ENRICHMENT_MTA_EXE) {
		if (!(mta & ENRICHMENT_MTA_SAFE))
			reasons |= REASON(MTA_WRITABLE);
	} else if (mta & ENRICHMENT_MTA_NAME) {
		reasons |= REASON(MTA_IN_CONTAINER);
	} else if (mta & ENRICHMENT_MTA_OWN_USER) {
		reasons |= REASON(MTA_USER);
	} else if (!contained && !(process->id.flags & IDENTITY_KTHREAD) &&
		   (process->id.uid == 0 || process->id.euid == 0)) {
		reasons |= REASON(ROOT);
	}
	return reasons;
}

uint64_t reasons_identity(const struct verdict_case *facts)
{
	uint64_t reasons =
		identity_of(facts->opener) | started_script(facts->opener, facts->opener_script);

	if (facts->sender)
		reasons |= identity_of(facts->sender) |
			   started_script(facts->sender, facts->sender_script);
	return reasons;
}

static uint64_t helo_reasons(const struct session_facts *session)
{
	size_t length = session->helo.length;
	char name[LIMIT_HELO + 1];
	uint8_t address[16];

	if (!session->helo.seen || length == 0 || length >= sizeof(name))
		return 0;
	memcpy(name, session->helo_bytes, length);
	name[length] = '\0';
	if (name[0] == '[' || inet_pton(AF_INET, name, address) == 1 ||
	    inet_pton(AF_INET6, name, address) == 1)
		return REASON(HELO_LITERAL);
	if (strcasecmp(name, "localhost") == 0 || strncasecmp(name, "localhost.", 10) == 0 ||
	    (length > 10 && strcasecmp(name + length - 10, ".localhost") == 0))
		return REASON(HELO_LOCALHOST);
	return 0;
}

static uint64_t dialogue_reasons(const struct verdict_case *facts, const struct config *config)
{
	const struct session_facts *session = facts->session;
	uint64_t reasons = helo_reasons(session);

	if (session->helo_changed)
		reasons |= REASON(HELO_CHANGES);
	if (session->recipients >= config->many_recipients)
		reasons |= REASON(MANY_RECIPIENTS);
	if (session->early_talker)
		reasons |= REASON(EARLY_TALKER);
	if (session->urgent)
		reasons |= REASON(URGENT);
	if (facts->closed && session->from_count && !session->quit && !session->gaps &&
	    session->tls == SESSION_TLS_NONE)
		reasons |= REASON(NO_QUIT);
	return reasons;
}

uint64_t reasons_conduct(const struct verdict_case *facts, const struct config *config,
			 struct actor_habits habits)
{
	bool proxy = facts->found == FOUND_PROXY;
	uint64_t reasons = 0;

	if (!proxy && facts->ends->remote_port == 25)
		reasons |= REASON(DIRECT_MX);
	if (!proxy && !(facts->flags & EVENT_F_LISTED))
		reasons |= REASON(ODD_PORT);
	if (habits.burst)
		reasons |= REASON(BURST);
	if (habits.fan_out)
		reasons |= REASON(FAN_OUT);
	if (habits.helo_changes)
		reasons |= REASON(HELO_CHANGES);
	if (facts->session)
		reasons |= dialogue_reasons(facts, config);
	return reasons;
}
