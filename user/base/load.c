/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * load.c - libraries that are loaded when they are needed, and not linked
 *
 * A statically linked program (LINKED_STATICALLY) loads nothing: it has them inside, or does without. Nothing is fatal.
 */
#include "base/load.h"

#include <stdio.h>
#include <string.h>

#ifdef LINKED_STATICALLY

bool load_library(const struct load_library *library, void *pointers, char *error,
		  size_t error_size)
{
	for (size_t i = 0; i < library->count; i++) {
		void (*const function)(void) = library->functions[i].linked;

		if (!function) {
			snprintf(error, error_size, "%s", library->missing);
			return false;
		}
		memcpy((char *)pointers + i * sizeof(function), &function, sizeof(function));
	}
	return true;
}

#else

#include <dlfcn.h>

static void *open_library(const struct load_library *library)
{
	void *handle = dlopen(library->files[0], RTLD_NOW | RTLD_LOCAL);

	if (!handle && library->files[1])
		handle = dlopen(library->files[1], RTLD_NOW | RTLD_LOCAL);
	return handle;
}

bool load_library(const struct load_library *library, void *pointers, char *error,
		  size_t error_size)
{
	void *handle = open_library(library);

	if (!handle) {
		snprintf(error, error_size, "%s", library->missing);
		return false;
	}
	for (size_t i = 0; i < library->count; i++) {
		void *const function = dlsym(handle, library->functions[i].name);

		if (!function) {
			snprintf(error, error_size, "%s has no %s: %s or newer is needed",
				 library->name, library->functions[i].name, library->version);
			return false;
		}
		memcpy((char *)pointers + i * sizeof(function), &function, sizeof(function));
	}
	return true;
}

#endif
