/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * script_php.h - PHP's stack and request, read from the memory of its process
 *
 * Nothing is attached to PHP: its globals are where its symbols say, and everything from there on by the offsets of its version. Whatever
 * does not look like PHP drops all that was read. The same code for the kernel and for a snapshot, as script_memory.h.
 */
#ifndef SMTPSNOOP_SCRIPT_PHP_H
#define SMTPSNOOP_SCRIPT_PHP_H

#include "script_memory.h"

#define FRAMES_WALKED 64 /* of PHP's stack: its own functions may call one another */
#define CHAIN_MAX 16 /* FastCGI parameters in one bucket of PHP's table of 128 */
#define STRING_HIGHEST (1 << 24) /* eval() takes longer names than anybody writes */
#define LINE_HIGHEST 10000000 /* a higher one is not shown */
#define ANONYMOUS 10 /* bytes of "@anonymous" */

/* Zend/zend_compile.h: the kinds of functions on the stack */
#define ZEND_INTERNAL_FUNCTION 1
#define ZEND_USER_FUNCTION 2
#define ZEND_EVAL_CODE 4

/* Zend/zend_compile.h: struct _zend_execute_data */
struct php_execute_data {
	__u64 opline;
	__u64 call;
	__u64 return_value;
	__u64 func;
	__u64 this[2];
	__u64 previous[2]; /* from 7.1 on the first, in 7.0 the second */
};

/* Zend/zend_compile.h: what all functions begin with */
struct php_function {
	__u32 type; /* and flags */
	__u32 fn_flags;
	__u64 name;
	__u64 scope;
};

#define PHP_PREVIOUS 48 /* in struct _zend_execute_data */
#define PHP_LINENO 24 /* in struct _zend_op */
#define PHP_CLASS_NAME 8 /* in struct _zend_class_entry */

/* Zend/zend_types.h: struct _zend_string */
#define PHP_STRING_LENGTH 16
#define PHP_STRING_VALUE 24

/* main/SAPI.h: the beginning of sapi_globals_struct, with sapi_request_info */
struct php_request {
	__u64 server_context;
	__u64 method;
	__u64 query;
	__u64 unused[2];
	__u64 entry;
	__u64 url;
};

/* main/fastcgi.c: struct _fcgi_request's table of parameters, and its buckets */
#define FCGI_TABLE 8296
#define FCGI_BUCKETS 128

struct fcgi_bucket { /* naming->bucket has room for it */
	__u32 hash;
	__u32 name_length;
	__u64 name;
	__u32 value_length;
	__u64 value;
	__u64 next;
};

/*
 * Where Apache 2.4 and its module for PHP have the rest: sapi/apache2handler/php_apache.h, struct php_struct; httpd.h, struct
 * request_rec, which only grows at its end.
 */
#define APACHE_REQUEST 8
#define APACHE_HOSTNAME 80
#define APACHE_CLIENT 688

/* The length that a zend_string tells. False: it is none. */
SCRIPT_INLINE bool string_length(__u64 *length, __u64 address)
{
	return read_word(length, address + PHP_STRING_LENGTH) && *length &&
	       *length <= STRING_HIGHEST;
}

/*
 * Takes a zend_string. Returns how many bytes of it, of a long one the end; or -1: it is none. The length that it tells has to be that of
 * its text, which wrong offsets hardly ever meet.
 */
SCRIPT_FUNC script_string(struct scratch *scratch, __u64 address)
{
	struct naming *naming;
	__u64 length, at;
	long got;

	if (!scratch)
		return -1;
	naming = &scratch->naming;
	if (!string_length(&length, address))
		return -1;
	address += PHP_STRING_VALUE;
	if (length > SCRIPT_WORD_MAX - 1) {
		address += length - (SCRIPT_WORD_MAX - 1);
		length = SCRIPT_WORD_MAX - 1;
	}
	at = naming->at;
	SCRIPT_FORGET(at);
	if (at > SCRIPT_TEXT_MAX - SCRIPT_WORD_MAX)
		return 0;
	got = MEMORY_TEXT(&naming->script.text[at], SCRIPT_WORD_MAX, address);
	if (got != (long)length + 1)
		return -1;
	naming->at = at + length;
	return length;
}

/*
 * Takes the name of a class or function, of a long one the beginning. An anonymous class is called "X@anonymous", NUL, and where it is
 * written (zend_compile.c, zend_generate_anon_class_name()): what is before the NUL is taken.
 */
SCRIPT_FUNC script_name(struct scratch *scratch, __u64 address)
{
	struct naming *naming;
	__u64 length, at;
	long got;

	if (!scratch)
		return -1;
	naming = &scratch->naming;
	if (!string_length(&length, address))
		return -1;
	at = naming->at;
	SCRIPT_FORGET(at);
	if (at > SCRIPT_TEXT_MAX - SCRIPT_WORD_MAX)
		return 0;
	got = MEMORY_TEXT(&naming->script.text[at], SCRIPT_WORD_MAX, (address + PHP_STRING_VALUE));
	if (got <= 1)
		return -1;
	if (length > SCRIPT_WORD_MAX - 1)
		length = SCRIPT_WORD_MAX - 1;
	got--;
	if ((__u64)got < length &&
	    (got < ANONYMOUS ||
	     naming->script.text[(at + got - ANONYMOUS) & (SCRIPT_TEXT_MAX - 1)] != '@'))
		return -1;
	naming->at = at + got;
	return got;
}

/* The code of a frame: file and line. False: it can't be PHP's. */
SCRIPT_INLINE bool frame_code(struct scratch *scratch, struct script_frame *frame,
			      const struct php_execute_data *data)
{
	__u64 filename;
	int length;

	if (!read_word(&filename, data->func + scratch->naming.layout.filename) ||
	    !in_user(data->opline) ||
	    MEMORY_READ(&frame->line, sizeof(frame->line), (data->opline + PHP_LINENO)))
		return false;
	if (frame->line > LINE_HIGHEST)
		frame->line = 0;
	length = script_string(scratch, filename);
	if (length < 0)
		return false;
	frame->file = length;
	return true;
}

/* The function of a frame, with its class. */
SCRIPT_INLINE bool frame_names(struct scratch *scratch, struct script_frame *frame,
			       const struct php_function *function)
{
	__u64 name;
	int length;

	if (function->scope) {
		if (!read_word(&name, function->scope + PHP_CLASS_NAME))
			return false;
		length = script_name(scratch, name);
		if (length < 0)
			return false;
		frame->class_name = length;
	}
	if (function->name) {
		length = script_name(scratch, function->name);
		if (length < 0)
			return false;
		frame->function = length;
	}
	return true;
}

/*
 * The frame at naming->next, which is taken if it is code of a file, or the innermost. 1 = there is another one, 0 = it was the last, or
 * there is no room. Of PHP's own functions between two of a file there may be any number.
 */
SCRIPT_FUNC script_frame_read(struct scratch *scratch)
{
	struct php_function function = {};
	struct php_execute_data data = {};
	struct script_frame *frame;
	struct event_script *script;
	bool taken = true;
	__u32 n;
	__u8 type;

	if (!scratch)
		return 0;
	script = &scratch->naming.script;
	n = script->frame_count;
	if (n >= SCRIPT_FRAMES) {
		script->flags |= SCRIPT_F_FRAMES_CUT;
		return 0;
	}
	frame = &script->frames[n & (SCRIPT_FRAMES - 1)];
	if (!in_user(scratch->naming.next) ||
	    MEMORY_READ(&data, sizeof(data), scratch->naming.next)) {
		script->status = SCRIPT_UNREADABLE;
		return 0;
	}
	/* A frame without a function is only a joint. */
	if (data.func) {
		if (!in_user(data.func) || MEMORY_READ(&function, sizeof(function), data.func))
			goto odd;
		type = function.type;
		if (type == ZEND_USER_FUNCTION || type == ZEND_EVAL_CODE) {
			if (!frame_code(scratch, frame, &data))
				goto odd;
		} else if (type != ZEND_INTERNAL_FUNCTION) {
			goto odd;
		} else if (n) {
			taken = false;
		}
		if (taken && !frame_names(scratch, frame, &function))
			goto odd;
	} else if (n) {
		taken = false;
	}
	if (taken)
		script->frame_count = n + 1;
	scratch->naming.next = scratch->naming.layout.previous == PHP_PREVIOUS ? data.previous[0]
									       : data.previous[1];
	return scratch->naming.next != 0;
odd:
	/* What came before can stand for itself. */
	if (n)
		script->flags |= SCRIPT_F_FRAMES_CUT;
	else
		script->status = SCRIPT_ODD;
	return 0;
}

#define FCGI_HASH(variable)                                                                        \
	(((variable).name[3] << 2) + ((variable).name[((variable).length - 2) & 15] << 4) +        \
	 ((variable).name[((variable).length - 1) & 15] << 2) + (variable).length)

/* Takes a FastCGI parameter, found as PHP finds it. */
SCRIPT_FUNC script_parameter(struct scratch *scratch, __u32 word)
{
	struct fcgi_bucket *bucket;
	__u32 hash;
	__u64 at;

	if (!scratch)
		return 0;
	word &= VARIABLES -
		1; /* not compared: the verifier forgets that when the compiler spills it */
	bucket = (struct fcgi_bucket *)scratch->naming.bucket;
	hash = FCGI_HASH(variables[word]) & (FCGI_BUCKETS - 1);
	if (!read_word(&at, scratch->naming.server + FCGI_TABLE + hash * sizeof(__u64)))
		return 0;
	for (int i = 0; i < CHAIN_MAX; i++) {
		if (!at)
			return 0;
		if (!in_user(at) || MEMORY_READ(bucket, sizeof(*bucket), at))
			return 0;
		if (bucket->name_length == variables[word].length &&
		    is_variable(word, bucket->name))
			return script_word(scratch, word, bucket->value);
		at = bucket->next;
	}
	scratch->naming.script.flags |= SCRIPT_F_WORDS_CUT;
	return 0;
}

/* The request that PHP is at. Its own fields, and what the web server has said over FastCGI, which is nearer to what the client asked. */
SCRIPT_FUNC script_request(struct scratch *scratch)
{
	struct php_request request = {};
	struct naming *naming;

	if (!scratch)
		return 0;
	naming = &scratch->naming;
	if (MEMORY_READ(&request, sizeof(request), (naming->layout.sapi_globals + naming->bias)))
		return 0;
	if (naming->script.sapi[0] == 'a' && naming->script.sapi[6] == '2' &&
	    read_word(&request.server_context, request.server_context + APACHE_REQUEST)) {
		__u64 text;

		if (read_word(&text, request.server_context + APACHE_HOSTNAME))
			script_word(scratch, SCRIPT_HOST, text);
		if (read_word(&text, request.server_context + APACHE_CLIENT))
			script_word(scratch, SCRIPT_CLIENT, text);
	}
	if (in_user(naming->server)) {
		script_parameter(scratch, SCRIPT_METHOD);
		script_parameter(scratch, SCRIPT_URL);
		script_parameter(scratch, SCRIPT_HOST);
		script_parameter(scratch, SCRIPT_CLIENT);
		script_parameter(scratch, SCRIPT_ENTRY);
		script_parameter(scratch, SCRIPT_DOCROOT);
	}
	if (!naming->script.words[SCRIPT_METHOD].length)
		script_word(scratch, SCRIPT_METHOD, request.method);
	if (!naming->script.words[SCRIPT_ENTRY].length)
		script_word(scratch, SCRIPT_ENTRY, request.entry);
	if (!naming->script.words[SCRIPT_URL].length) {
		script_word(scratch, SCRIPT_URL, request.url);
		script_word(scratch, SCRIPT_QUERY, request.query);
	}
	return 1;
}

/*
 * How PHP is run: "fpm-fcgi", "cgi-fcgi", "apache2handler", "cli". Of the second only a server of FastCGI has a context; a CGI program has
 * its request in the environment. A function of its own, so that the way to it stays within the stack of Linux 6.1.
 */
SCRIPT_FUNC script_sapi(struct scratch *scratch)
{
	struct event_script *script;
	struct naming *naming;
	__u64 at = 0;

	if (!scratch)
		return 0;
	naming = &scratch->naming;
	script = &naming->script;
	/* main/SAPI.h: the first member of sapi_module_struct is its name */
	if (read_word(&at, naming->layout.sapi_module + naming->bias) && in_user(at))
		MEMORY_TEXT(script->sapi, sizeof(script->sapi), at);
	naming->server = 0;
	if (script->sapi[3] != '-' || script->sapi[4] != 'f')
		return 0;
	read_word(&naming->server, naming->layout.sapi_globals + naming->bias);
	naming->is_program = !in_user(naming->server);
	return 0;
}

/* PHP, where the layout says. */
SCRIPT_FUNC script_php(struct scratch *scratch)
{
	struct event_script *script;
	struct naming *naming;
	__u64 at = 0;

	if (!scratch)
		return 0;
	naming = &scratch->naming;
	script = &naming->script;
	if (!read_word(&naming->next, naming->layout.executor_globals +
					      naming->layout.execute_data + naming->bias)) {
		script->status = SCRIPT_UNREADABLE;
		return 0;
	}
	/* Between two requests the fields are those of the last one. */
	if (!naming->next) {
		script->status = SCRIPT_NONE;
		return 0;
	}
	script->status = SCRIPT_READ;
	at = naming->next;
	script_request(scratch);
	naming->next = at;
	script->frames_at = naming->at;
	for (__u32 n = 0; n < FRAMES_WALKED; n++) {
		if (!script_frame_read(scratch))
			break;
		if (n == FRAMES_WALKED - 1)
			script->flags |= SCRIPT_F_FRAMES_CUT;
	}
	if (script->status == SCRIPT_UNREADABLE && script->frame_count) {
		script->status = SCRIPT_READ;
		script->flags |= SCRIPT_F_FRAMES_CUT;
	}
	if (script->status != SCRIPT_READ) {
		script->frame_count = 0;
		script->frames_at = 0;
		__builtin_memset(script->words, 0, sizeof(script->words));
		naming->at = 0;
	}
	return 1;
}

#endif
