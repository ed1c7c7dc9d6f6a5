/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * address.c - Internet addresses as the records carry them
 *
 * Pure. Text comes from the administrator (configuration, command line), never from the traffic.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <string.h>

#include "base/address.h"
#include "base/number.h"

static const uint8_t mapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

bool address_is_v4(const uint8_t address[16])
{
	return memcmp(address, mapped, sizeof(mapped)) == 0;
}

bool address_is_loopback(const uint8_t address[16])
{
	static const uint8_t none[16];

	if (address_is_v4(address))
		return address[12] == 127 || memcmp(address + 12, none, 4) == 0;
	return memcmp(address, none, 15) == 0 && address[15] <= 1;
}

bool address_is_link_local(const uint8_t address[16])
{
	return address[0] == 0xfe && (address[1] & 0xc0) == 0x80;
}

bool address_in(const uint8_t address[16], const uint8_t net[16], uint8_t prefix)
{
	unsigned int whole = prefix / 8, rest = prefix % 8;

	if (prefix > 128 || memcmp(address, net, whole) != 0)
		return false;
	return rest == 0 || ((address[whole] ^ net[whole]) >> (8 - rest)) == 0;
}

/* Bits behind the prefix are a typing mistake: 192.0.2.1/24 is not the net that it seems to be. */
static bool host_bits(const uint8_t address[16], uint8_t prefix)
{
	for (unsigned int bit = prefix; bit < 128; bit++) {
		if (address[bit / 8] & (0x80 >> bit % 8))
			return true;
	}
	return false;
}

int address_parse(const char *text, uint8_t address[16], uint8_t *prefix)
{
	const char *slash = strchr(text, '/');
	size_t length = slash ? (size_t)(slash - text) : strlen(text);
	char host[INET6_ADDRSTRLEN];
	unsigned int bits = 128, above = 0;
	uint64_t number;

	if (length >= sizeof(host))
		return -EINVAL;
	memcpy(host, text, length);
	host[length] = '\0';
	if (inet_pton(AF_INET, host, address + 12) == 1) {
		memcpy(address, mapped, sizeof(mapped));
		bits = 32;
		above = 96;
	} else if (inet_pton(AF_INET6, host, address) != 1) {
		return -EINVAL;
	}
	*prefix = 128;
	if (slash) {
		if (number_parse(slash + 1, 0, bits, &number) != 0)
			return -EINVAL;
		*prefix = (uint8_t)(number + above);
	}
	return host_bits(address, *prefix) ? -EINVAL : 0;
}
