/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * metrics_library.c - libmicrohttpd, loaded when metrics are asked for
 *
 * Nothing is fatal.
 */
#include "cmd/metrics_library.h"

#include <stdbool.h>

#include "base/load.h"

#ifdef LINKED_STATICALLY

/*
 * There is no static libgnutls to be had, and without TLS nothing of it is used (Makefile) but these two, which libmicrohttpd calls in
 * any case when it is loaded and unloaded.
 */
int gnutls_global_init(void);
void gnutls_global_deinit(void);

int gnutls_global_init(void)
{
	return 0;
}

void gnutls_global_deinit(void)
{
}

#endif

#define METRICS_LIBRARY_ENTRY(name) LOAD_FUNCTION(MHD_##name)

static const struct load_function functions[] = {METRICS_LIBRARY_FUNCTIONS(METRICS_LIBRARY_ENTRY)};
#define COUNT (sizeof(functions) / sizeof(functions[0]))

_Static_assert(sizeof(struct metrics_library) == COUNT * sizeof(void *), "one pointer a function");

static const struct load_library microhttpd = {
	.files = {"libmicrohttpd.so.12", NULL},
	.name = "libmicrohttpd",
	.version = "0.9.75",
	.missing = "--metrics needs libmicrohttpd: install libmicrohttpd12 or libmicrohttpd",
	.functions = functions,
	.count = COUNT,
};

const struct metrics_library *metrics_library_get(char *error, size_t error_size)
{
	static struct metrics_library library;
	static bool loaded;

	if (!loaded)
		loaded = load_library(&microhttpd, &library, error, error_size);
	return loaded ? &library : NULL;
}
