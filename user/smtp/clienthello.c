/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * clienthello.c - the server name in a TLS ClientHello
 *
 * Walks the one message that is of interest and nothing else. Lengths are the sender's claims: each is checked against what is
 * there before it is used. A hello that is cut after the name still yields it. Nothing is fatal.
 */
#include <stdbool.h>

#include "smtp/clienthello.h"

#define RECORD_HANDSHAKE 22 /* RFC 8446 5.1 */
#define HANDSHAKE_CLIENT_HELLO 1
#define EXTENSION_SERVER_NAME 0
#define NAME_TYPE_HOST 0

struct cursor {
	const uint8_t *at;
	size_t left;
};

/* A big-endian number of `size` bytes. */
static bool number(struct cursor *in, unsigned int size, size_t *value)
{
	if (in->left < size)
		return false;
	*value = 0;
	for (unsigned int i = 0; i < size; i++)
		*value = *value << 8 | in->at[i];
	in->at += size;
	in->left -= size;
	return true;
}

static bool skip(struct cursor *in, size_t size)
{
	if (in->left < size)
		return false;
	in->at += size;
	in->left -= size;
	return true;
}

/* A vector whose length takes `size` bytes. */
static bool skip_vector(struct cursor *in, unsigned int size)
{
	size_t length;

	return number(in, size, &length) && skip(in, length);
}

/* RFC 6066 3: a list of (type, name); hosts only. */
static const char *server_name(struct cursor list, size_t *length)
{
	size_t size, type;

	if (!number(&list, 2, &size))
		return NULL;
	if (list.left > size)
		list.left = size;
	while (number(&list, 1, &type) && number(&list, 2, &size) && size <= list.left) {
		if (type == NAME_TYPE_HOST && size) {
			*length = size;
			return (const char *)list.at;
		}
		skip(&list, size);
	}
	return NULL;
}

static const char *find_extension(struct cursor in, size_t *length)
{
	size_t type, size;

	while (number(&in, 2, &type) && number(&in, 2, &size) && size <= in.left) {
		if (type == EXTENSION_SERVER_NAME)
			return server_name((struct cursor){in.at, size}, length);
		skip(&in, size);
	}
	return NULL;
}

const char *clienthello_sni(const uint8_t *data, size_t size, size_t *length)
{
	struct cursor in = {data, size};
	size_t type, record, message, extensions;

	if (!number(&in, 1, &type) || type != RECORD_HANDSHAKE)
		return NULL;
	if (!skip(&in, 2) || !number(&in, 2, &record))
		return NULL;
	if (in.left > record)
		in.left = record;
	if (!number(&in, 1, &type) || type != HANDSHAKE_CLIENT_HELLO || !number(&in, 3, &message))
		return NULL;
	if (in.left > message)
		in.left = message;
	/* legacy_version, random, session id, cipher suites, compression methods */
	if (!skip(&in, 2 + 32) || !skip_vector(&in, 1) || !skip_vector(&in, 2) ||
	    !skip_vector(&in, 1) || !number(&in, 2, &extensions))
		return NULL;
	if (in.left > extensions)
		in.left = extensions;
	return find_extension(in, length);
}
