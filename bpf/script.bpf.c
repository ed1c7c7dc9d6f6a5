// SPDX-License-Identifier: GPL-2.0-only
/*
 * script.bpf.c - which script a process runs: PHP's stack and request, CGI's environment, and argv as it was at exec
 *
 * `current` is the process that connects, sends or forks, so that its own memory can be read, and nothing is attached to it. Whatever
 * does not look like PHP drops all that was read there. Functions of their own, which the verifier walks through once; they work in
 * scratch->naming.
 */
#include "output.bpf.h"
#include "script.bpf.h"

#define USER_LOWEST 0x1000 /* below and above there is no user memory */
#define USER_HIGHEST (1ULL << 47)
#define STRING_HIGHEST 65536 /* no name of a file or function is longer */
#define LINE_HIGHEST 10000000

/* Zend/zend_compile.h: the kinds of functions on the stack */
#define ZEND_INTERNAL_FUNCTION 1
#define ZEND_USER_FUNCTION 2
#define ZEND_EVAL_CODE 4

/* Zend/zend_compile.h: struct _zend_execute_data, the same from 7.0 to 8.5. */
struct php_execute_data {
	__u64 opline;
	__u64 call;
	__u64 return_value;
	__u64 func;
	__u64 this[2];
	__u64 prev;
};

/* Zend/zend_compile.h: what all functions begin with */
struct php_function {
	__u32 type; /* and flags */
	__u32 fn_flags;
	__u64 name;
	__u64 scope;
};

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

struct fcgi_bucket {
	__u32 hash;
	__u32 name_length;
	__u64 name;
	__u32 value_length;
	__u64 value;
	__u64 next;
};

/* The names of CGI's variables, in the order of enum script_word. The longest has 15 bytes. */
static const struct {
	char name[16];
	__u32 length;
} variables[] = {
	[SCRIPT_METHOD] = {"REQUEST_METHOD", 14}, [SCRIPT_URL] = {"REQUEST_URI", 11},
	[SCRIPT_QUERY] = {"QUERY_STRING", 12},	  [SCRIPT_HOST] = {"HTTP_HOST", 9},
	[SCRIPT_CLIENT] = {"REMOTE_ADDR", 11},	  [SCRIPT_ENTRY] = {"SCRIPT_FILENAME", 15},
	[SCRIPT_DOCROOT] = {"DOCUMENT_ROOT", 13}, [SCRIPT_SSH] = {"SSH_CONNECTION", 14},
};

#define VARIABLES (sizeof(variables) / sizeof(variables[0]))

static __always_inline bool in_user(__u64 address)
{
	return address >= USER_LOWEST && address < USER_HIGHEST;
}

static __always_inline bool read_word(__u64 *value, __u64 address)
{
	return in_user(address) && bpf_probe_read_user(value, sizeof(*value), (void *)address) == 0;
}

/* Takes the text at `address`, up to its NUL, for a word. */
__noinline int script_word(struct scratch *scratch, __u32 word, __u64 address)
{
	struct naming *naming;
	__u32 most = SCRIPT_WORD_MAX;
	__u64 at;
	long got;

	if (!scratch || word >= SCRIPT_WORDS || !in_user(address))
		return 0;
	naming = &scratch->naming;
	at = naming->at;
	barrier_var(at);
	if (at > SCRIPT_TEXT_MAX - SCRIPT_WORD_MAX) {
		naming->script.flags |= SCRIPT_F_WORDS_CUT;
		return 0;
	}
	if (word == SCRIPT_URL || word == SCRIPT_QUERY) {
		most = SCRIPT_URL_MAX;
		got = bpf_probe_read_user_str(&naming->script.text[at], SCRIPT_URL_MAX,
					      (void *)address);
	} else {
		got = bpf_probe_read_user_str(&naming->script.text[at], SCRIPT_WORD_MAX,
					      (void *)address);
	}
	if (got <= 1)
		return 0;
	if (got == most)
		naming->script.flags |= SCRIPT_F_WORDS_CUT;
	naming->script.words[word].at = at;
	naming->script.words[word].length = got - 1;
	naming->at = at + got - 1;
	return 1;
}

/*
 * Takes a zend_string. Returns how many bytes of it, of a long one the end; or -1: it is none. The length that it tells has to be that of
 * its text, which wrong offsets hardly ever meet.
 */
__noinline int script_string(struct scratch *scratch, __u64 address)
{
	struct naming *naming;
	__u64 length, at;
	long got;

	if (!scratch)
		return -1;
	naming = &scratch->naming;
	if (!read_word(&length, address + PHP_STRING_LENGTH) || !length || length > STRING_HIGHEST)
		return -1;
	address += PHP_STRING_VALUE;
	if (length > SCRIPT_WORD_MAX - 1) {
		address += length - (SCRIPT_WORD_MAX - 1);
		length = SCRIPT_WORD_MAX - 1;
	}
	at = naming->at;
	barrier_var(at);
	if (at > SCRIPT_TEXT_MAX - SCRIPT_WORD_MAX)
		return 0;
	got = bpf_probe_read_user_str(&naming->script.text[at], SCRIPT_WORD_MAX, (void *)address);
	if (got != (long)length + 1)
		return -1;
	naming->at = at + length;
	return length;
}

/* The code of a frame: file and line. False: it can't be PHP's. */
static __always_inline bool frame_code(struct scratch *scratch, struct script_frame *frame,
				       const struct php_execute_data *data)
{
	__u64 filename;
	int length;

	if (!read_word(&filename, data->func + scratch->naming.layout.filename) ||
	    !in_user(data->opline) ||
	    bpf_probe_read_user(&frame->line, sizeof(frame->line),
				(void *)(data->opline + PHP_LINENO)) ||
	    frame->line > LINE_HIGHEST)
		return false;
	length = script_string(scratch, filename);
	if (length < 0)
		return false;
	frame->file = length;
	return true;
}

/* The function of a frame, with its class. */
static __always_inline bool frame_names(struct scratch *scratch, struct script_frame *frame,
					const struct php_function *function)
{
	__u64 name;
	int length;

	if (function->scope) {
		if (!read_word(&name, function->scope + PHP_CLASS_NAME))
			return false;
		length = script_string(scratch, name);
		if (length < 0)
			return false;
		frame->class_name = length;
	}
	if (function->name) {
		length = script_string(scratch, function->name);
		if (length < 0)
			return false;
		frame->function = length;
	}
	return true;
}

/* The n-th frame. 1 = there is another one, 0 = it was the last. */
__noinline int script_frame_read(struct scratch *scratch, __u32 n)
{
	struct php_function function = {};
	struct php_execute_data data = {};
	struct script_frame *frame;
	struct event_script *script;
	__u8 type;

	if (!scratch || n >= SCRIPT_FRAMES)
		return 0;
	script = &scratch->naming.script;
	frame = &script->frames[n];
	if (!in_user(scratch->naming.next) ||
	    bpf_probe_read_user(&data, sizeof(data), (void *)scratch->naming.next)) {
		script->status = SCRIPT_UNREADABLE;
		return 0;
	}
	/* A frame without a function is only a joint. */
	if (data.func) {
		if (!in_user(data.func) ||
		    bpf_probe_read_user(&function, sizeof(function), (void *)data.func))
			goto odd;
		type = function.type;
		if (type == ZEND_USER_FUNCTION || type == ZEND_EVAL_CODE) {
			if (!frame_code(scratch, frame, &data))
				goto odd;
		} else if (type != ZEND_INTERNAL_FUNCTION) {
			goto odd;
		}
		if (!frame_names(scratch, frame, &function))
			goto odd;
	}
	script->frame_count = n + 1;
	scratch->naming.next = data.prev;
	return data.prev != 0;
odd:
	script->status = SCRIPT_ODD;
	return 0;
}

#define FCGI_HASH(variable)                                                                        \
	(((variable).name[3] << 2) + ((variable).name[((variable).length - 2) & 15] << 4) +        \
	 ((variable).name[((variable).length - 1) & 15] << 2) + (variable).length)

/* Is the text at `address` the name of the variable? */
static __always_inline bool is_variable(__u32 word, __u64 address)
{
	const __u64 *wanted = (const __u64 *)variables[word].name;
	__u64 name[2] = {};

	return bpf_probe_read_user(name, variables[word].length & 15, (void *)address) == 0 &&
	       name[0] == wanted[0] && name[1] == wanted[1];
}

/* Takes a FastCGI parameter, found as PHP finds it. */
__noinline int script_parameter(struct scratch *scratch, __u32 word)
{
	struct fcgi_bucket bucket;
	__u32 hash;
	__u64 at;

	if (!scratch || word >= VARIABLES)
		return 0;
	hash = FCGI_HASH(variables[word]) & (FCGI_BUCKETS - 1);
	if (!read_word(&at, scratch->naming.server + FCGI_TABLE + hash * sizeof(__u64)))
		return 0;
	for (int i = 0; i < CHAIN_MAX; i++) {
		if (!at)
			return 0;
		if (!in_user(at) || bpf_probe_read_user(&bucket, sizeof(bucket), (void *)at))
			return 0;
		if (bucket.name_length == variables[word].length && is_variable(word, bucket.name))
			return script_word(scratch, word, bucket.value);
		at = bucket.next;
	}
	scratch->naming.script.flags |= SCRIPT_F_WORDS_CUT;
	return 0;
}

/* The request that PHP is at. Its own fields, and what the web server has said over FastCGI, which is nearer to what the client asked. */
__noinline int script_request(struct scratch *scratch)
{
	struct php_request request = {};
	struct naming *naming;

	if (!scratch)
		return 0;
	naming = &scratch->naming;
	if (bpf_probe_read_user(&request, sizeof(request),
				(void *)(naming->layout.sapi_globals + naming->bias)))
		return 0;
	naming->server = 0;
	/* "fpm-fcgi", "cgi-fcgi": of the latter only a server of FastCGI has a context. */
	if (naming->script.sapi[3] == '-' && naming->script.sapi[4] == 'f')
		naming->server = request.server_context;
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

/* PHP, where the layout says. */
__noinline int script_php(struct scratch *scratch)
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
		bpf_probe_read_user_str(script->sapi, sizeof(script->sapi), (void *)at);
	if (!read_word(&naming->next, naming->layout.executor_globals +
					      naming->layout.execute_data + naming->bias)) {
		script->status = SCRIPT_UNREADABLE;
		return 0;
	}
	/* Between two requests the fields are those of the last one. */
	if (!naming->next)
		return 0;
	script->status = SCRIPT_READ;
	script_request(scratch);
	script->frames_at = naming->at;
	for (__u32 n = 0; n < SCRIPT_FRAMES; n++) {
		if (!script_frame_read(scratch, n))
			break;
		if (n == SCRIPT_FRAMES - 1)
			script->flags |= SCRIPT_F_FRAMES_CUT;
	}
	if (script->status == SCRIPT_UNREADABLE && script->frame_count) {
		script->status = SCRIPT_READ;
		script->flags |= SCRIPT_F_FRAMES_CUT;
	}
	if (script->status != SCRIPT_READ) {
		script->frame_count = 0;
		__builtin_memset(script->words, 0, sizeof(script->words));
		naming->at = 0;
	}
	return 1;
}

/* The variable of the environment at naming->next, if it is wanted. 0 = the end. */
__noinline int script_variable(struct scratch *scratch)
{
	struct naming *naming;
	__u64 at, here;
	long got;

	if (!scratch)
		return 0;
	naming = &scratch->naming;
	at = naming->at;
	here = naming->next;
	barrier_var(at);
	if (here >= naming->end || at > SCRIPT_TEXT_MAX - SCRIPT_WORD_MAX)
		return 0;
	/* Only to see where it ends: what is not wanted is overwritten by the next one. */
	got = bpf_probe_read_user_str(&naming->script.text[at], SCRIPT_URL_MAX, (void *)here);
	if (got <= 0) {
		naming->script.flags |= SCRIPT_F_WORDS_CUT;
		return 0;
	}
	naming->next = here + (got == SCRIPT_URL_MAX ? got - 1 : got);
	if (naming->inside || got < 4) {
		naming->inside = naming->inside && got == SCRIPT_URL_MAX;
		return 1;
	}
	naming->inside = got == SCRIPT_URL_MAX;
	for (__u32 word = 0; word < VARIABLES; word++) {
		__u32 length = variables[word].length;

		if (naming->script.text[at] != variables[word].name[0] ||
		    naming->script.text[at + (length & 15)] != '=' || !is_variable(word, here))
			continue;
		if (!naming->script.words[word].length &&
		    script_word(scratch, word, here + length + 1))
			naming->script.flags |= SCRIPT_F_ENVIRONMENT;
		return 1;
	}
	return 1;
}

static __always_inline void script_environment(struct scratch *scratch, struct mm_struct *mm)
{
	struct naming *naming = &scratch->naming;

	naming->next = mm->env_start;
	naming->end = mm->env_end;
	naming->inside = 0;
	for (int i = 0; i < ENVIRONMENT_MAX; i++)
		if (!script_variable(scratch))
			return;
	naming->script.flags |= SCRIPT_F_WORDS_CUT;
}

/* Has the process written over its arguments since it was executed? */
static __always_inline bool argv_rewritten(struct naming *naming, const struct execution *execution,
					   struct mm_struct *mm)
{
	const __u64 *then = (const __u64 *)execution->argv;
	__u64 now;

	for (__u32 i = 0; i < EVENT_ARGV_MAX / 8; i++) {
		__u32 left = execution->length - i * 8;
		__u64 mask = ~0ULL;

		if (i * 8 >= execution->length)
			return false;
		if (bpf_probe_read_user(&now, sizeof(now), (void *)(mm->arg_start + i * 8)))
			return false;
		if (left < 8)
			mask = (1ULL << (left * 8)) - 1;
		if ((now ^ then[i]) & mask)
			return true;
	}
	return false;
}

static __always_inline void script_arguments(struct scratch *scratch, struct task_struct *leader,
					     struct mm_struct *mm)
{
	struct execution *execution = bpf_task_storage_get(&executions, leader, NULL, 0);
	struct naming *naming = &scratch->naming;
	__u64 at = naming->at;

	if (!execution || !argv_rewritten(naming, execution, mm))
		return;
	barrier_var(at);
	if (at > SCRIPT_TEXT_MAX - EVENT_ARGV_MAX)
		return;
	bpf_probe_read_kernel(&naming->script.text[at], EVENT_ARGV_MAX, execution->argv);
	naming->script.words[SCRIPT_ARGV].at = at;
	naming->script.words[SCRIPT_ARGV].length = execution->length;
	naming->at += execution->length;
}

/* Is the task's executable PHP? Then its layout is taken. */
static __always_inline bool naming_layout(struct naming *naming, struct task_struct *task,
					  struct mm_struct *mm)
{
	struct inode *exe = task_exe(task);
	struct script_runtime key = {};
	struct script_layout *layout;

	if (!exe)
		return false;
	key.inode = exe->i_ino;
	key.device = exe->i_sb->s_dev;
	layout = bpf_map_lookup_elem(&runtimes, &key);
	if (layout && layout->library) {
		key.start_code = mm->start_code;
		layout = bpf_map_lookup_elem(&runtimes, &key);
	}
	if (!layout)
		return false;
	naming->layout = *layout;
	naming->bias = layout->text ? mm->start_code - layout->text : 0;
	naming->script.version = layout->version;
	naming->script.status = layout->status;
	return true;
}

static __always_inline void naming_begin(struct naming *naming, struct task_struct *task)
{
	__builtin_memset(naming, 0, offsetof(struct naming, script.text));
	naming->script.tgid = task->tgid;
}

static __always_inline long script_send(struct naming *naming, struct talk *talk, __u32 origin,
					__u64 size)
{
	if (size > sizeof(naming->script))
		size = sizeof(naming->script);
	fill_head(&naming->script.head, talk, EVENT_SCRIPT, size);
	naming->script.origin = origin;
	return bpf_ringbuf_output(&events, &naming->script, size, 0);
}

static __always_inline long script_of_ancestor(struct naming *naming, struct talk *talk,
					       struct task_struct *leader)
{
	struct event_script *inherited = bpf_task_storage_get(&origins, leader, NULL, 0);

	if (!inherited)
		return 0;
	bpf_probe_read_kernel(&naming->script, sizeof(naming->script), inherited);
	return script_send(naming, talk, SCRIPT_OF_ANCESTOR, naming->script.head.size);
}

/*
 * The SCRIPT records of `current`. Returns 1 if it is PHP. With SCRIPT_AGAIN in `origin` only PHP's is told: the rest was, and the
 * executable was not known as PHP then.
 */
__noinline int output_script(struct talk *talk, __u32 origin)
{
	struct task_struct *task = current_task();
	struct scratch *scratch;
	struct naming *naming;
	struct mm_struct *mm = task->mm;
	bool php;
	long full = -1;

	if (!talk || !mm)
		return 0;
	scratch = ring_has(settings.ring_for_open) ? scratch_take() : NULL;
	if (!scratch) {
		COUNT(scripts_lost, 1);
		return 0;
	}
	naming = &scratch->naming;
	naming_begin(naming, task);
	php = naming_layout(naming, task, mm);
	if (php && naming->script.status == SCRIPT_READ)
		script_php(scratch);
	if (!(origin & SCRIPT_AGAIN)) {
		/* Last: the words of the environment are only for those that have no better ones. */
		if (!php)
			script_environment(scratch, mm);
		script_arguments(scratch, task->group_leader, mm);
	}
	full = 0;
	if (php || naming->at)
		full = script_send(naming, talk, origin & ~SCRIPT_AGAIN,
				   offsetof(struct event_script, text) + naming->at);
	if (!full && !(origin & SCRIPT_AGAIN))
		full = script_of_ancestor(naming, talk, task->group_leader);
	scratch_return(scratch);
	if (full)
		COUNT(scripts_lost, 1);
	return php;
}

static __always_inline void execution_copy(struct task_struct *from, struct task_struct *child)
{
	struct execution *execution = bpf_task_storage_get(&executions, from, NULL, 0), *copy;

	if (!execution)
		return;
	copy = bpf_task_storage_get(&executions, child, NULL, BPF_LOCAL_STORAGE_GET_F_CREATE);
	if (copy)
		bpf_probe_read_kernel(copy, sizeof(*copy), execution);
}

static __always_inline void origin_copy(struct event_script *from, struct task_struct *child)
{
	struct event_script *copy =
		bpf_task_storage_get(&origins, child, NULL, BPF_LOCAL_STORAGE_GET_F_CREATE);

	if (copy)
		bpf_probe_read_kernel(copy, sizeof(*copy), from);
}

/* A PHP process forks in exec(), mail(), popen() and the like: its script is the child's origin. */
static __always_inline bool origin_of_php(struct task_struct *parent, struct task_struct *child)
{
	struct mm_struct *mm = parent->mm;
	struct scratch *scratch;
	bool found = false;

	scratch = mm ? scratch_take() : NULL;
	if (!scratch)
		return false;
	naming_begin(&scratch->naming, parent);
	if (naming_layout(&scratch->naming, parent, mm) &&
	    scratch->naming.script.status == SCRIPT_READ) {
		script_php(scratch);
		found = scratch->naming.script.frame_count > 0;
	}
	if (found) {
		scratch->naming.script.head.size =
			offsetof(struct event_script, text) + scratch->naming.at;
		origin_copy(&scratch->naming.script, child);
	}
	scratch_return(scratch);
	return found;
}

SEC("tp_btf/sched_process_fork")
int BPF_PROG(tp_btf__sched_process_fork, struct task_struct *parent, struct task_struct *child)
{
	struct event_script *inherited;

	if (child->tgid != child->pid || !task_wanted(parent))
		return 0;
	execution_copy(parent->group_leader, child);
	if (origin_of_php(parent, child))
		return 0;
	inherited = bpf_task_storage_get(&origins, parent->group_leader, NULL, 0);
	if (inherited)
		origin_copy(inherited, child);
	return 0;
}

SEC("tp_btf/sched_process_exec")
int BPF_PROG(tp_btf__sched_process_exec, struct task_struct *task)
{
	struct mm_struct *mm = task->mm;
	struct execution *execution;
	__u64 length;

	if (!mm || !task_wanted(task))
		return 0;
	execution = bpf_task_storage_get(&executions, task, NULL, BPF_LOCAL_STORAGE_GET_F_CREATE);
	if (!execution)
		return 0;
	length = mm->arg_end - mm->arg_start;
	execution->cut = length > EVENT_ARGV_MAX;
	if (length > EVENT_ARGV_MAX)
		length = EVENT_ARGV_MAX;
	execution->length = length;
	if (bpf_probe_read_user(execution->argv, length, (void *)mm->arg_start))
		execution->length = 0;
	return 0;
}
