/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * script_memory.h - reading the memory of a process: where a script's name is found
 *
 * The same code for the kernel, which reads `current` when it connects, and for a snapshot, which reads processes that wait. Everything
 * there is the process's own choice: addresses are looked at before they are read, texts are bounded, and nothing is believed.
 * Functions of their own, which the verifier walks through once; they work in scratch->naming.
 */
#ifndef SMTPSNOOP_SCRIPT_MEMORY_H
#define SMTPSNOOP_SCRIPT_MEMORY_H

#include "event_script.h"

/*
 * The includer says how: MEMORY_READ(to, size, address) is 0 if all of it could be read; MEMORY_TEXT(to, size, address) copies up to the
 * NUL, or size - 1 bytes and a NUL, and returns how many with it, or less than 0. And it has struct scratch, with a
 * struct naming and SCRIPT_URL_MAX bytes of slack behind it.
 */
#if !defined(MEMORY_READ) || !defined(MEMORY_TEXT)
#error "define MEMORY_READ and MEMORY_TEXT before including script_memory.h"
#endif

#ifdef __bpf__
#define SCRIPT_FUNC __attribute__((noinline)) int
#define SCRIPT_INLINE static __attribute__((always_inline)) inline
/* The compiler forgets what it knows of a value, and the verifier sees it looked at. */
#define SCRIPT_FORGET(value) barrier_var(value)
#else
#define SCRIPT_FUNC static __attribute__((unused)) int
#define SCRIPT_INLINE static __attribute__((unused)) inline
#define SCRIPT_FORGET(value) ((void)0)
#endif

/* The environment of a CGI program: a web server passes some 40, and each header of the request makes one more. */
#define ENVIRONMENT_MAX 128

#define USER_LOWEST 0x1000 /* below and above there is no user memory */
#define USER_HIGHEST (1ULL << 47)

/* The names of CGI's variables, in the order of enum script_word. The longest has 15 bytes. */
static const struct {
	char name[16] __attribute__((aligned(8))); /* compared as two words */
	__u32 length;
} variables[] = {
	[SCRIPT_METHOD] = {"REQUEST_METHOD", 14}, [SCRIPT_URL] = {"REQUEST_URI", 11},
	[SCRIPT_QUERY] = {"QUERY_STRING", 12},	  [SCRIPT_HOST] = {"HTTP_HOST", 9},
	[SCRIPT_CLIENT] = {"REMOTE_ADDR", 11},	  [SCRIPT_ENTRY] = {"SCRIPT_FILENAME", 15},
	[SCRIPT_DOCROOT] = {"DOCUMENT_ROOT", 13}, [SCRIPT_SSH] = {"SSH_CONNECTION", 14},
};

#define VARIABLES 8 /* of them: a power of two */

SCRIPT_INLINE bool in_user(__u64 address)
{
	return address >= USER_LOWEST && address < USER_HIGHEST;
}

SCRIPT_INLINE bool read_word(__u64 *value, __u64 address)
{
	return in_user(address) && MEMORY_READ(value, sizeof(*value), address) == 0;
}

/* Is the text at `address` the name of the variable? */
SCRIPT_INLINE bool is_variable(__u32 word, __u64 address)
{
	const __u64 *wanted = (const __u64 *)variables[word].name;
	__u64 name[2] = {};

	return MEMORY_READ(name, variables[word].length & 15, address) == 0 &&
	       name[0] == wanted[0] && name[1] == wanted[1];
}

/* Some words are long; what is not of them is cut at its end. */
SCRIPT_INLINE bool word_is_long(__u32 word)
{
	return word == SCRIPT_URL || word == SCRIPT_QUERY || word == SCRIPT_ENTRY;
}

/* Takes the text at `address`, up to its NUL, for a word. */
SCRIPT_FUNC script_word(struct scratch *scratch, __u32 word, __u64 address)
{
	struct naming *naming;
	__u32 most = SCRIPT_WORD_MAX;
	__u64 at;
	long got;

	if (!scratch || word >= SCRIPT_WORDS || !in_user(address))
		return 0;
	naming = &scratch->naming;
	at = naming->at;
	SCRIPT_FORGET(at);
	if (at > SCRIPT_TEXT_MAX - SCRIPT_WORD_MAX) {
		naming->script.flags |= SCRIPT_F_WORDS_CUT;
		return 0;
	}
	if (word_is_long(word) && at <= SCRIPT_TEXT_MAX - SCRIPT_URL_MAX) {
		most = SCRIPT_URL_MAX;
		got = MEMORY_TEXT(&naming->script.text[at], SCRIPT_URL_MAX, address);
	} else {
		got = MEMORY_TEXT(&naming->script.text[at], SCRIPT_WORD_MAX, address);
	}
	if (got <= 1)
		return 0;
	if (got == most)
		naming->script.flags |= SCRIPT_F_WORDS_CUT;
	naming->script.words[word].at = at;
	naming->script.words[word].length = got - 1;
	naming->at = at + got - 1;
	return 1;
}

/* The variable of the environment at naming->next, if it is wanted. 0 = the end. */
SCRIPT_FUNC script_variable(struct scratch *scratch)
{
	struct naming *naming;
	__u64 at, here;
	long got;

	if (!scratch)
		return 0;
	naming = &scratch->naming;
	at = naming->at;
	here = naming->next;
	SCRIPT_FORGET(at);
	if (here >= naming->environment_end || at > SCRIPT_TEXT_MAX - SCRIPT_WORD_MAX)
		return 0;
	/* Only to see where it ends: what is not wanted is overwritten by the next one. */
	got = MEMORY_TEXT(&naming->script.text[at], SCRIPT_URL_MAX, here);
	if (got <= 0) {
		naming->script.flags |= SCRIPT_F_WORDS_CUT;
		return 0;
	}
	naming->next = here + (got == SCRIPT_URL_MAX ? got - 1 : got);
	if (naming->inside || got < 4) {
		naming->inside = naming->inside && got == SCRIPT_URL_MAX;
		return 1;
	}
	naming->inside = got == SCRIPT_URL_MAX;
	for (__u32 word = 0; word < VARIABLES; word++) {
		__u32 length = variables[word].length;

		if (naming->script.text[at] != variables[word].name[0] ||
		    naming->script.text[at + (length & 15)] != '=' || !is_variable(word, here))
			continue;
		if (!naming->script.words[word].length &&
		    script_word(scratch, word, here + length + 1))
			naming->script.flags |= SCRIPT_F_ENVIRONMENT;
		return 1;
	}
	return 1;
}

SCRIPT_FUNC script_environment(struct scratch *scratch)
{
	struct naming *naming;

	if (!scratch)
		return 0;
	naming = &scratch->naming;
	naming->next = naming->environment;
	naming->inside = 0;
	for (int i = 0; i < ENVIRONMENT_MAX; i++)
		if (!script_variable(scratch))
			return 0;
	naming->script.flags |= SCRIPT_F_WORDS_CUT;
	return 0;
}

#endif
