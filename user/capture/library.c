/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * library.c - libpcap, loaded when a capture file is read
 *
 * Nothing is fatal.
 */
#include "capture/library.h"

#include <stdbool.h>

#include "base/load.h"

#define LIBRARY_ENTRY(name) LOAD_FUNCTION(pcap_##name)

static const struct load_function functions[] = {LIBRARY_FUNCTIONS(LIBRARY_ENTRY)};
#define COUNT (sizeof(functions) / sizeof(functions[0]))

_Static_assert(sizeof(struct library) == COUNT * sizeof(void *), "one pointer a function");

/* Debian's name, and everybody else's; what we call has not changed between them. */
static const struct load_library pcap = {
	.files = {"libpcap.so.0.8", "libpcap.so.1"},
	.name = "libpcap",
	.version = "1.5",
	.missing = "reading captures needs libpcap: install libpcap0.8 or libpcap",
	.functions = functions,
	.count = COUNT,
};

const struct library *library_get(char *error, size_t error_size)
{
	static struct library library;
	static bool loaded;

	if (!loaded)
		loaded = load_library(&pcap, &library, error, error_size);
	return loaded ? &library : NULL;
}
