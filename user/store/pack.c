/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * pack.c - a record's JSON members, as small as they lie in the store
 *
 * Pure. Both streams are set up once and reset for each text. A dictionary that was released is never changed: a better one
 * gets the next number, and the old one stays for what was packed with it.
 */
#include "store/pack.h"

#include <errno.h>
#include <stdlib.h>
#include <zlib.h>

#include "base/limits.h"

#define DICTIONARY_NUMBER 1
/* Records have some 800 bytes. A window of 8 kB holds the dictionary and any of them; a larger one takes longer to reset. */
#define WINDOW_BITS 13
#define MEMORY_LEVEL 6
#define LEVEL 3

/* What is most frequent stands last: what is nearer costs less. In the order of present/record.c otherwise. */
static const char dictionary[] =
	"\"args_cut\":true,\"namespace_pid\":,\"orchestrator\":{\"type\":\"kubernetes\","
	"\"resource\":{\"type\":\"pod\",\"id\":\"\"}},\"login\":{\"id\":1000,\"name\":\""
	"\"container\":{\"id\":\"\",\"runtime\":\"docker\"},\"script\":{\"language\":\"python"
	"perl\",\"file\":\"/home/var/www/html/wp-content/uploads/plugins/public_html/httpdocs/"
	"\",\"status\":\"inherited\",\"entry\":\"index.php\",\"docroot\":\"/var/www/\",\"changed\":"
	"\",\"owner\":{\"id\":33,\"name\":\"www-data\"},\"sapi\":\"fpm-fcgi\",\"method\":\"POST\","
	"\"url\":\"/"
	"\",\"host\":\"www.\",\"client\":{\"ip\":\"\"},\"from_total\":,\"domains_over\":,"
	"\"sni\":\"mail.smtp.mx\",\"target\":\":25\",\"auth\":{\"mechanism\":\"LOGIN\","
	"\"outcome\":\"unknown\"},550 5.1.1 User unknown 554 5.7.1 Service unavailable; "
	"Client host [] blocked using zen.spamhaus.org; https://www.spamhaus.org/query/ip/"
	"421 4.7.0 451 4.7.1 Greylisted, try again later 452 4.2.2 550 5.7.1 rejected "
	"221 2.0.0 Bye\",250 2.0.0 Ok: queued as \"blocklist\":\"spamhaus\",\"hotmail.com\","
	"\"outlook.com\",\"yahoo.com\",\"gmx.net\",\"gmail.com\"],\"lost_bytes\":"
	"no-quit\",\"handed-over\",\"existing\",\"proxy\",\"exe-deleted\",\"exe-in-tmp\","
	"\"name-mismatch\",\"helo-literal\",\"helo-localhost\",\"helo-changes\",\"fan-out\","
	"\"burst\",\"many-recipients\",\"early-talker\",\"script-recent\",\"script-hidden\","
	"\"script-in-uploads\",\"refused\",\"blocklisted\",\"attempt-only\"]},"
	"\"process\":{\"pid\":,\"name\":\"php-fpm8.2\",\"executable\":\"/usr/sbin/usr/bin/"
	"python3\",\"args\":[\"php-fpm: pool www\"],\"working_directory\":\"/var/spool/postfix\","
	"\"start\":\"2026-01-01T00:00:00.000000Z\",\"parent\":{\"pid\":,\"name\":\"master\"},"
	"\"ancestors\":[{\"pid\":,\"name\":\"bash\"},{\"pid\":,\"name\":\"cron\"},{\"pid\":1,"
	"\"name\":\"systemd\"}],\"exe\":{\"device\":,\"inode\":,\"deleted\":false,"
	"\"memfd\":false}},\"user\":{\"id\":0,\"name\":\"postfix\",\"effective\":{\"id\":0}},"
	"\"group\":{\"id\":0},\"cgroup\":{\"id\":,\"path\":\"/system.slice/user.slice/user-1000."
	"slice/session-.scope.service\"},\"service\":{\"name\":\".service\"},"
	"\"script\":{\"language\":\"php\",\"version\":\"8.2\",\"sapi\":\"fpm-fcgi\","
	"\"status\":\"read\",\"file\":\"/var/www/\",\"line\":,\"function\":\"\",\"backtrace\":["
	"{\"function\":\"mail\"},{\"file\":\".php\",\"line\":,\"function\":\"fsockopen\"}],"
	"\"reset\"refused\"timeout\"unreachable\"denied\"open\"outcome\":\"failure\","
	"\"tls\":{\"mode\":\"implicitstarttls\"},\"found_by\":\"proxygreetingclient"
	"\"@timestamp\":\"2026-01-01T00:00:00.000000Z\",\"v\":1,\"host\":{\"name\":\"\"},"
	"\"event\":{\"kind\":\"event\",\"action\":\"connection\",\"id\":\"-\",\"start\":\"2026-"
	"\",\"end\":\"2026-\",\"duration\":,\"outcome\":\"success\",\"reason\":\"closed\"},"
	"\"source\":{\"ip\":\"192.0.2.1\",\"port\":,\"bytes\":},\"destination\":{\"ip\":\"\","
	"\"port\":25,\"bytes\":},\"tls\":{\"mode\":\"none\"},\"smtp\":{\"found_by\":\"port\","
	"\"greeting\":\"220 mx. ESMTP Postfix\",\"helo\":\"\",\"from\":[\"info@\"],\"messages\":1,"
	"\"accepted\":1,\"recipients\":1,\"refused\":0,\"domains\":[\"\"],\"replies\":{\"2xx\":5,"
	"\"3xx\":1,\"4xx\":0,\"5xx\":0},\"last_reply\":\"221 2.0.0 Bye\",\"receipt\":\"250 2.0.0 "
	"Ok: queued as \",\"gaps\":0},\"verdict\":{\"class\":\"mta\",\"reasons\":[]}"
	"bypass\",\"reasons\":[\"direct-mx\",";

struct pack {
	z_stream out, in;
	char *buffer;
	size_t room;
};

struct pack *pack_new(void)
{
	struct pack *pack = calloc(1, sizeof(*pack));

	if (!pack)
		return NULL;
	if (deflateInit2(&pack->out, LEVEL, Z_DEFLATED, -WINDOW_BITS, MEMORY_LEVEL,
			 Z_DEFAULT_STRATEGY) != Z_OK) {
		free(pack);
		return NULL;
	}
	if (inflateInit2(&pack->in, -WINDOW_BITS) != Z_OK) {
		deflateEnd(&pack->out);
		free(pack);
		return NULL;
	}
	return pack;
}

void pack_free(struct pack *pack)
{
	if (!pack)
		return;
	deflateEnd(&pack->out);
	inflateEnd(&pack->in);
	free(pack->buffer);
	free(pack);
}

static int make_room(struct pack *pack, size_t size)
{
	char *buffer;

	if (size <= pack->room)
		return 0;
	buffer = realloc(pack->buffer, size);
	if (!buffer)
		return -ENOMEM;
	pack->buffer = buffer;
	pack->room = size;
	return 0;
}

int pack_text(struct pack *pack, struct bytes text, struct bytes *packed)
{
	z_stream *stream = &pack->out;

	if (text.length > LIMIT_STORE_JSON)
		return -E2BIG;
	deflateReset(stream);
	deflateSetDictionary(stream, (const Bytef *)dictionary, sizeof(dictionary) - 1);
	if (make_room(pack, deflateBound(stream, text.length) + 1) != 0)
		return -ENOMEM;
	pack->buffer[0] = DICTIONARY_NUMBER;
	stream->next_in = (z_const Bytef *)text.at;
	stream->avail_in = (uInt)text.length;
	stream->next_out = (Bytef *)pack->buffer + 1;
	stream->avail_out = (uInt)pack->room - 1;
	if (deflate(stream, Z_FINISH) != Z_STREAM_END)
		return -ENOMEM;
	*packed = (struct bytes){pack->buffer, pack->room - stream->avail_out};
	return 0;
}

int pack_expand(struct pack *pack, struct bytes packed, struct bytes *text)
{
	z_stream *stream = &pack->in;

	if (packed.length < 1 || packed.length > UINT32_MAX || packed.at[0] != DICTIONARY_NUMBER)
		return -EBADMSG;
	if (make_room(pack, LIMIT_STORE_JSON) != 0)
		return -ENOMEM;
	inflateReset(stream);
	inflateSetDictionary(stream, (const Bytef *)dictionary, sizeof(dictionary) - 1);
	stream->next_in = (z_const Bytef *)packed.at + 1;
	stream->avail_in = (uInt)packed.length - 1;
	stream->next_out = (Bytef *)pack->buffer;
	stream->avail_out = LIMIT_STORE_JSON;
	if (inflate(stream, Z_FINISH) != Z_STREAM_END)
		return -EBADMSG;
	*text = (struct bytes){pack->buffer, LIMIT_STORE_JSON - stream->avail_out};
	return 0;
}
