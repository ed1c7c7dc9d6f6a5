/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * library.c - libpcap, loaded when a capture file is read
 *
 * A statically linked program (LINKED_STATICALLY) has it inside. Stays loaded to the end. Nothing is fatal.
 */
#include "capture/library.h"

#include <stdbool.h>
#include <stdio.h>

#ifdef LINKED_STATICALLY

static bool load(struct library *library, char *error, size_t error_size)
{
	(void)error;
	(void)error_size;
#define LIBRARY_TAKE(name) library->name = pcap_##name;
	LIBRARY_FUNCTIONS(LIBRARY_TAKE)
	return true;
}

#else

#include <dlfcn.h>

/* Debian's name, and everybody else's; what we call has not changed between them. */
static void *open_library(void)
{
	void *handle = dlopen("libpcap.so.0.8", RTLD_NOW | RTLD_LOCAL);

	return handle ? handle : dlopen("libpcap.so.1", RTLD_NOW | RTLD_LOCAL);
}

static bool load(struct library *library, char *error, size_t error_size)
{
	void *handle = open_library();

	if (!handle) {
		snprintf(error, error_size,
			 "reading captures needs libpcap: install libpcap0.8 or libpcap");
		return false;
	}
#define LIBRARY_TAKE(name)                                                                         \
	library->name = (__typeof__(library->name))dlsym(handle, "pcap_" #name);                   \
	if (!library->name) {                                                                      \
		snprintf(error, error_size, "libpcap has no pcap_%s: 1.5 or newer is needed",      \
			 #name);                                                                   \
		return false;                                                                      \
	}
	LIBRARY_FUNCTIONS(LIBRARY_TAKE)
	return true;
}

#endif

const struct library *library_get(char *error, size_t error_size)
{
	static struct library library;
	static bool loaded;

	if (!loaded)
		loaded = load(&library, error, error_size);
	return loaded ? &library : NULL;
}
