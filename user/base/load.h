/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * load.h - libraries that are loaded when they are needed, and not linked
 *
 * For what few runs need and what brings a dozen others along: a tracer that runs as root is better off without them, and a mail server
 * needs not have them.
 */
#ifndef SMTPSNOOP_LOAD_H
#define SMTPSNOOP_LOAD_H

#include <stdbool.h>
#include <stddef.h>

struct load_function {
	const char *name;
	void (*linked)(void); /* where the program is linked statically; NULL = not even then */
};

/* LOAD_FUNCTION(pcap_close): of a library that a statically linked program has inside. */
#ifdef LINKED_STATICALLY
#define LOAD_FUNCTION(function) {#function, (void (*)(void))(function)},
#else
#define LOAD_FUNCTION(function) {#function, NULL},
#endif

struct load_library {
	const char *files[2]; /* the names that it has, here and there; the second may be NULL */
	const char *name, *version; /* the oldest that has all functions */
	const char *missing; /* the sentence for who does not have it */
	const struct load_function *functions;
	size_t count;
};

/* Puts a pointer to each function, in this order, into `pointers`. It stays loaded to the end. False with a sentence in `error`. */
bool load_library(const struct load_library *library, void *pointers, char *error,
		  size_t error_size);

#endif
