/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * fuzz.h - what the fuzz targets share: bytes taken from the input one after another
 */
#ifndef SMTPSNOOP_FUZZ_H
#define SMTPSNOOP_FUZZ_H

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* libFuzzer calls it; what is wrong aborts. */
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

struct input {
	const uint8_t *at;
	size_t left;
};

static inline uint8_t input_byte(struct input *input)
{
	if (!input->left)
		return 0;
	input->left--;
	return *input->at++;
}

static inline uint32_t input_word(struct input *input)
{
	uint32_t high = input_byte(input);

	return high << 8 | input_byte(input);
}

/* At most `most` bytes; *length tells how many. */
static inline const uint8_t *input_bytes(struct input *input, size_t most, uint32_t *length)
{
	const uint8_t *at = input->at;
	size_t taken = most < input->left ? most : input->left;

	input->at += taken;
	input->left -= taken;
	*length = (uint32_t)taken;
	return at;
}

static inline void must(int holds)
{
	if (!holds)
		abort();
}

#endif
