/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * limits.h - every bound of the user side, with its reason (the kernel side has include/event.h and bpf/limits.bpf.h)
 */
#ifndef SMTPSNOOP_LIMITS_H
#define SMTPSNOOP_LIMITS_H

/* Text kept from the dialogue, in bytes. RFC 5321 4.5.3.1: a command line has 512, a path 256, a domain 255. */
#define LIMIT_GREETING 512
#define LIMIT_HELO 256
#define LIMIT_PATH 320 /* local part 64 + @ + domain 255 */
#define LIMIT_REPLY 512
#define LIMIT_LINE 1024 /* a longer line is cut: the rest is counted, not kept */
#define LIMIT_SNI 256
/* "host:port" that a proxy was asked for; a domain has 255. */
#define LIMIT_TARGET 262
#define LIMIT_MECHANISM 32 /* RFC 4422 3.1: a SASL mechanism has at most 20 */
#define LIMIT_DOMAIN 255 /* RFC 5321 4.5.3.1.2; a longer one is counted, not kept */
#define LIMIT_HELLO 2048 /* a ClientHello with a post-quantum key share has about 1,800 */

/* Lists kept for one connection. What is over is counted; a record says how many there were. */
#define LIMIT_SENDERS 16 /* MAIL FROM paths */
#define LIMIT_RECIPIENTS 64 /* full addresses, with --recipients only */
#define LIMIT_DOMAINS 32 /* recipient domains */
#define LIMIT_SENDER_BYTES 2048 /* what the kept MAIL FROM paths have together */
#define LIMIT_DOMAIN_BYTES 1024 /* the same of recipient domains */
#define LIMIT_TRIED 2 /* HELO names waiting for their reply: EHLO and, not waiting, HELO */
/* commands waiting for a reply: a pipelined group of 1,000 RCPT fits twice */
#define LIMIT_PENDING 2048

/* Live connections in the table: 20,000/s for 3 s, or a spammer's whole fan-out. Over it the oldest is ended early. */
#define LIMIT_CONNECTIONS 65536
/* From connect() to its SYN: microseconds. After that no packet left. */
#define LIMIT_ATTEMPT_SECONDS 3
/* Records that wait for the OPEN of their connection: an identity is read when the client next writes, and RFC 5321 4.5.3.2
 * lets a reply take minutes; after half a minute it is lost rather than late. Over the bytes the oldest go first. */
#define LIMIT_ORPHAN_SECONDS 30
#define LIMIT_ORPHAN_BYTES 8388608
/* A store's lock is waited for: a collector whose other half was killed detaches and writes what it has, within a second as a rule. */
#define LIMIT_LOCK_SECONDS 5
#define LIMIT_ACTORS 4096 /* windows of the judge; the least recently seen goes first */
#define LIMIT_SUMMARY_ROWS 4096 /* groups of the summary; over it they are summed as "others" */
#define LIMIT_SUMMARY_SHOWN 50 /* of them in the text: more than a terminal's page helps nobody */
#define LIMIT_SUMMARY_HOSTS 1024 /* different hosts counted for one group; then "over 1024" */
/* A group's name: an executable's path is whole (EVENT_PATH_MAX); the end of a longer one tells more than its start. */
#define LIMIT_LABEL 640

/* A snapshot's sockets, some 512 bytes each in both halves; and the network namespaces of a host full of containers. */
#define LIMIT_SOCKETS 65536
#define LIMIT_SNAPSHOT_ROWS 1000 /* in text */
#define LIMIT_HIDING 64 /* processes with raw or packet sockets: a host has a handful */
#define LIMIT_HIDING_PLACES                                                                        \
	512 /* BPF programs where packets pass, a systemd host has two a service at most; tun devices */
#define LIMIT_HIDING_CGROUPS                                                                       \
	8192 /* that are looked at for programs, and how deep: a file is open for each level */
#define LIMIT_HIDING_DEPTH 16
#define LIMIT_TUNS 256 /* a host of virtual machines has one or two each */
#define LIMIT_TUN_FILES                                                                            \
	262144 /* open files that are looked at for who has one: half a second's work */
#define LIMIT_HOLDERS 8 /* of one socket that are named; all are counted */
#define LIMIT_NAMESPACES 8192
/*
 * Processes of a snapshot that are looked at as they are now, and among how many they are chosen: those of a trusted MTA come last. Each is
 * read in some milliseconds; one whose memory is locked for ever takes all of its time, and leaves the others theirs.
 */
#define LIMIT_PROCESSES 256
#define LIMIT_PROCESSES_KNOWN 8192
#define LIMIT_PROCESS_MS 500
#define LIMIT_PROCESSES_SECONDS 20
#define LIMIT_PROCESS_FILES 65536 /* descriptors looked at: a tenth of a second */
#define LIMIT_PROCESS_DELETED 16 /* deleted files that are named; all are counted */
#define LIMIT_PROCESS_CODE 16 /* kinds of executable memory that are told apart */
#define LIMIT_PROCESS_ENVIRON 2097152 /* bytes looked through for names: what execve(2) takes */
#define LIMIT_PROCESS_NAME 256 /* of a variable: a longer one would push out the others */
#define LIMIT_PROCESS_VALUE 1024 /* name and value; the rest is cut */
#define LIMIT_PROCESSES_SHOWN 8 /* in text, as each takes five lines; and of one actor */
#define LIMIT_PROCESSES_SHOWN_ACTOR 2
/*
 * An MTA's queue: 4 MiB are some 12,000 messages of Postfix, and who has more knows enough; a tool that waits for a daemon that hangs shall
 * not hold a snapshot up; and the MTAs that are told with their connections: a host has one or two.
 */
#define LIMIT_QUEUE_BYTES 4194304
#define LIMIT_QUEUE_MS 2000
#define LIMIT_MTAS 16
/* Evidence: what an executable may have; all of it; how long one process may take, in seconds, and how many of them. */
#define LIMIT_EVIDENCE_FILE (UINT64_C(64) << 20)
#define LIMIT_EVIDENCE_BYTES (UINT64_C(1) << 30)
#define LIMIT_EVIDENCE_SECONDS 10
#define LIMIT_EVIDENCE_PROCESSES 256
/* Descriptors of connections, to find out whose they are: of all processes, each with the first of its own. */
#define LIMIT_EVIDENCE_HOLDERS 65536
#define LIMIT_EVIDENCE_HOLDS 256
#define LIMIT_EVIDENCE_FILES 512 /* that are known as the same */
#define LIMIT_EVIDENCE_LIST (1u << 20) /* bytes of the list of a process's open files */
#define LIMIT_EVIDENCE_DELETED                                                                     \
	8 /* deleted files of a process that are kept, and what each may have */
#define LIMIT_EVIDENCE_DELETED_FILE (UINT64_C(8) << 20)
#define LIMIT_EVIDENCE_ALL_SECONDS 60 /* after that, what was not begun is left out */
#define LIMIT_EVIDENCE_SCRIPTS 16 /* of a process */
/* Processes of which something is kept: those from above, and those that only a script is kept of. */
#define LIMIT_EVIDENCE_FOLDERS 1024
/* Of evidence that is compared: what an archive has in it, 1,024 folders of 16 scripts and 256 times 19 files more; bytes of the list,
 * at 150 a line; and bytes unpacked, as many as ustar lets one file have, since our own records may grow for a day. */
#define LIMIT_EVIDENCE_ENTRIES 32768
#define LIMIT_EVIDENCE_SUMS (UINT64_C(4) << 20)
#define LIMIT_EVIDENCE_UNPACKED (UINT64_C(8) << 30)
/*
 * Arguments from /proc: how long one process may take; and how many may take longer in so many seconds, until it is given up for the rest of
 * them: records wait meanwhile.
 */
#define LIMIT_CMDLINE_MS 100
#define LIMIT_CMDLINE_LATE 10
#define LIMIT_CMDLINE_SECONDS 10
#define LIMIT_EVIDENCE_UNITS                                                                       \
	32 /* unit files and drop-ins of a process's service: it has one to five */
#define LIMIT_PROCESS_CACHE 4096 /* enrichment by (tgid, start) */
/*
 * Executables looked at for PHP, as many as connect on a large host, and no more than the kernel's table has room for (RUNTIMES); and
 * what is one: PHP with everything in it has some 60 MB.
 */
#define LIMIT_RUNTIMES 1024
#define LIMIT_RUNTIME_BYTES 268435456
/* Reading one takes some 20 ms. When the trace starts a slow disk may be waited for; while it runs records wait for the reader, and
 * somebody may make executables on purpose that take long: then one at most, and of each second no more than that. */
#define LIMIT_RUNTIME_MS_START 5000
#define LIMIT_RUNTIME_MS 200
#define LIMIT_RUNTIME_MAPS                                                                         \
	4096 /* lines of /proc/PID/maps until PHP's library: Apache has some hundred */
#define LIMIT_RUNTIME_SECTIONS 256 /* PHP's executables have 30 */
#define LIMIT_RUNTIME_SYMBOLS                                                                      \
	262144 /* in .dynsym: PHP has 3,000, with everything in it some ten thousand */
#define LIMIT_RULES 256 /* of each kind in the configuration */
/* Alert rules: each has a bit and a count in every connection. */
#define LIMIT_ALERT_RULES 16
/* Two entries an actor and rule, some hundred bytes each, 4 KiB at most; and who has them. */
#define LIMIT_ALERT_ACTORS 8192
#define LIMIT_ALERT_USERS 1024
/* Alerts that one user, or one container, raises in an hour: somebody may make up any number of programs and scripts. */
#define LIMIT_ALERT_USER 20
#define LIMIT_ALERT_USER_SECONDS 3600
/* From the first record to an alert: the script's follows, and often a refusal. The first alert is due within a second. */
#define LIMIT_ALERT_SETTLE_MS 250
#define LIMIT_ALERT_LINE                                                                           \
	2000 /* in a log: facts of ordinary length, and what would stop it; a message has 2,048 */
/* What a command reads. A record with all of its texts full and escaped has 90 KB; a socket takes a message of 208 KB. */
#define LIMIT_ALERT_BYTES 131072
#define LIMIT_ALERT_RUNS 4 /* commands at once: more would be a load of their own */
#define LIMIT_ALERT_QUEUE 64 /* that wait for them */
#define LIMIT_ALERT_SAID 512 /* of a command's output, for the log if it fails */
#define LIMIT_ALERT_END_MS 5000 /* at the end, for commands that still run */
#define LIMIT_ALERT_FIELDS                                                                         \
	32768 /* for the journal: a dozen texts of at most 2,048, and a word for each reason */
#define LIMIT_USERS 1024 /* names kept of user ids; the one asked for longest ago goes first */
#define LIMIT_HOST_ADDRESSES 16384 /* a host of a hoster may have a /18 of them */
#define LIMIT_HELO_NAMES                                                                           \
	8 /* different HELO names remembered of an actor: two are enough for helo-changes */
#define LIMIT_FAN_OUT                                                                              \
	64 /* different destinations remembered of an actor, so the largest fan-out threshold */
#define LIMIT_CONFIG_BYTES 1048576 /* a configuration larger than this is a mistake */
#define LIMIT_LOSS_ROWS 4096 /* as in bpf/limits.bpf.h */

/* Capture files. What has arrived too early is held for a connection, and for all of them together: a window of 4 MiB is what
 * Linux grows a socket's buffer to by default. */
#define LIMIT_EARLY 4194304
#define LIMIT_EARLY_ALL 67108864
#define LIMIT_PATIENCE                                                                             \
	128 /* packets of a connection until a hole that the other side has filled is given up */
#define LIMIT_FLOWS                                                                                \
	65536 /* TCP connections followed at once; the one heard of longest ago goes first */
#define LIMIT_WORDS 8192 /* said before SMTP is proven on a port that is not listed */
#define LIMIT_FRAGMENTS 128 /* IP datagrams waiting for a part, 66 kB each */
#define LIMIT_FRAGMENT_SECONDS 30 /* as Linux waits for one: net.ipv4.ipfrag_time */
#define LIMIT_FILTER 65536 /* bytes of a filter expression */

/* Of the kernel's ring at once: some 70 short sessions, moved in a few microseconds. More than any record. */
#define LIMIT_RING_WINDOW 131072
/* Milliseconds: after the first records of a burst were passed on, those that follow are collected. Nobody who reads lines sees
 * it, and each connection would otherwise wake both halves a dozen times. */
#define LIMIT_COLLECT 10

/* Nanoseconds. What two readings of two clocks differ by, and more than what NTP slews a clock by in a second; and a step of the clock
 * that the history has to tell, since the order of its times is none any more. */
#define LIMIT_CLOCK_NOISE 1000000
#define LIMIT_CLOCK_STEP 1000000000
/* Seconds: so often the writer of the store is asked whether it lives, and told the time, if nothing else happens. */
#define LIMIT_ALIVE_SECONDS 60

/* What Prometheus is told. Label sets of verdict, user and service: a hoster's host has some dozens that send; a server of metrics should
 * not get thousands from one host. A user's or a unit's name, escaped: systemd's longest are shorter. */
#define LIMIT_METRICS_WHO 200
#define LIMIT_METRICS_LABEL 512
/* Seconds between two words of the tracing half on how it is; after so many without any it is taken for stuck. */
#define LIMIT_STATUS_SECONDS 5
#define LIMIT_STATUS_SILENT 30
/* HTTP clients at once, and that wait to be accepted: Prometheus is one. A request: Prometheus' has some 300 bytes, a browser's 2,000. A
 * connection's life in seconds: Prometheus waits as long for an answer; where no other finds room, what is ample. Milliseconds between
 * two looks at them: what tracing gets first. */
#define LIMIT_METRICS_CLIENTS 8
#define LIMIT_METRICS_BACKLOG 16
#define LIMIT_METRICS_REQUEST 8192
#define LIMIT_METRICS_SECONDS 10
#define LIMIT_METRICS_SECONDS_FULL 1
#define LIMIT_METRICS_MS 10

/* Signals this close together are one: nobody presses Ctrl-C twice on purpose so fast. */
#define LIMIT_ONE_WISH_MS 300

/* A line of output waits for its end: some times the longest record, 64 recipients escaped byte by byte with it. */
#define LIMIT_WHOLE 1048576

/* One message of the channel between the halves: many records in one system call. */
#define LIMIT_BATCH 65536

/*
 * The store. Kept by default: what a blocklist's operator and a provider ask about, on what a small host can spare, and a year and a
 * month of roll-ups.
 */
#define LIMIT_STORE_DAYS 90
#define LIMIT_STORE_ROLLUP_DAYS 400
#define LIMIT_STORE_BYTES (UINT64_C(1) << 30)
/* Rows that wait for a disk: half a minute of 2,000 connections/s, and the memory for it. */
#define LIMIT_STORE_QUEUE 65536
#define LIMIT_STORE_QUEUE_BYTES 67108864
#define LIMIT_STORE_BATCH 4096 /* rows of a transaction: some 0.1 s */
#define LIMIT_STORE_RETRY_MS 1000 /* how long rows gather, and until what failed is tried again */
#define LIMIT_STORE_VALUES 2000 /* different destinations, HELOs and replies of a day */
#define LIMIT_STORE_ACTORS                                                                         \
	2000 /* different ones of a user in a day: names of files are anybody's choice */
#define LIMIT_STORE_CACHE 8192 /* ids remembered, of each kind */
#define LIMIT_STORE_CACHE_BYTES 8388608 /* and what was said under them, of each kind */
#define LIMIT_STORE_TEXT 4096 /* one text; the longest is a path */
#define LIMIT_STORE_JSON                                                                           \
	262144 /* a record's members: 64 recipients escaped byte by byte have 125,000 */
#define LIMIT_STORE_EVENTS 256 /* that wait */
#define LIMIT_STORE_EVENT_ROWS                                                                     \
	100000 /* on disk: ten a day are a few hundred kilobytes in 400 days */
#define LIMIT_STORE_WORDS 256 /* of an event */
/* Retention: rows that are deleted, or pages given back, in one step of some milliseconds; pauses between steps and between looks. */
#define LIMIT_STORE_STEP 500
#define LIMIT_STORE_STEP_MS 50
#define LIMIT_STORE_LOOK_MS 60000

/* One string of a record that is read back: the longest is a path, or all arguments in one, escaped. */
#define LIMIT_RECORD_STRING 16384

/* The report. Rows of one table, some hundred bytes each and their texts; who wants more asks for less time. */
#define LIMIT_REPORT_ROWS 10000
#define LIMIT_REPORT_SECONDS 10 /* for one answer; the usual ones take a part of one */
#define LIMIT_REPORT_CPU                                                                           \
	120 /* seconds for all of them: what SQLite does between two looks at the clock has no other bound */
#define LIMIT_REPORT_SHOWN 20 /* of each kind, without --top */
#define LIMIT_REPORT_FIRST                                                                         \
	5 /* connections of an actor that are shown from the beginning and from the end */
/* The page. Bytes of a foreign text that are shown, of its beginning and of its end; bars of the time line: two pixels each on a phone. */
#define LIMIT_HTML_TEXT 256
#define LIMIT_HTML_BARS 120

#endif
