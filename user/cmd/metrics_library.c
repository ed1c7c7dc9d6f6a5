/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * metrics_library.c - libmicrohttpd, loaded when metrics are asked for
 *
 * A statically linked program (LINKED_STATICALLY) has it inside. Stays loaded to the end. Nothing is fatal.
 */
#include "cmd/metrics_library.h"

#include <stdbool.h>
#include <stdio.h>

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

static bool load(struct metrics_library *library, char *error, size_t error_size)
{
	(void)error;
	(void)error_size;
#define TAKE(name) library->name = MHD_##name;
	METRICS_LIBRARY_FUNCTIONS(TAKE)
	return true;
}

#else

#include <dlfcn.h>

static bool load(struct metrics_library *library, char *error, size_t error_size)
{
	void *handle = dlopen("libmicrohttpd.so.12", RTLD_NOW | RTLD_LOCAL);

	if (!handle) {
		snprintf(error, error_size,
			 "--metrics needs libmicrohttpd: install libmicrohttpd12 or libmicrohttpd");
		return false;
	}
#define TAKE(name)                                                                                 \
	library->name = (__typeof__(library->name))dlsym(handle, "MHD_" #name);                    \
	if (!library->name) {                                                                      \
		snprintf(error, error_size,                                                        \
			 "libmicrohttpd has no MHD_%s: 0.9.75 or newer is needed", #name);         \
		return false;                                                                      \
	}
	METRICS_LIBRARY_FUNCTIONS(TAKE)
	return true;
}

#endif

const struct metrics_library *metrics_library_get(char *error, size_t error_size)
{
	static struct metrics_library library;
	static bool loaded;

	if (!loaded)
		loaded = load(&library, error, error_size);
	return loaded ? &library : NULL;
}
