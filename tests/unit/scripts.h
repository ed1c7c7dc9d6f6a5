/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * scripts.h - dialogues as they go over the wire, SMTP and not
 */
#ifndef SMTPSNOOP_SCRIPTS_H
#define SMTPSNOOP_SCRIPTS_H

#include "make_packets.h"

#define TURNS(...) ((const struct turn[]){__VA_ARGS__, {FROM_CLIENT, NULL, 0}})
#define GREETED S("220 mx.example ESMTP\r\n"), C("EHLO client.example\r\n")
#define OFFERS                                                                                     \
	S("250-mx.example\r\n250-PIPELINING\r\n250-CHUNKING\r\n250-AUTH PLAIN LOGIN\r\n250 "       \
	  "STARTTLS\r\n")
#define ENVELOPE                                                                                   \
	C("MAIL FROM:<a@client.example>\r\n"), S("250 ok\r\n"), C("RCPT TO:<b@mx.example>\r\n"),   \
		S("250 ok\r\n")
#define BYE C("QUIT\r\n"), S("221 bye\r\n")

static const struct dialogue smtp_scripts[] = {
	{"one mail", 25,
	 TURNS(GREETED, OFFERS, ENVELOPE, C("DATA\r\n"), S("354 go\r\n"),
	       C("Subject: x\r\n\r\nMAIL FROM:<no@body.example>\r\n..\r\n.\r\n"),
	       S("250 2.0.0 queued as 4Vx9\r\n"), BYE)},
	{"an empty body", 25,
	 TURNS(GREETED, OFFERS, ENVELOPE, C("DATA\r\n"), S("354 go\r\n"), C(".\r\n"),
	       S("250 ok\r\n"), BYE)},
	{"pipelined", 25,
	 TURNS(GREETED, OFFERS,
	       C("MAIL FROM:<a@b.example>\r\nRCPT TO:<c@d.example>\r\nRCPT "
		 "TO:<e@f.example>\r\nDATA\r\n"),
	       S("250 ok\r\n250 ok\r\n550 5.1.1 no\r\n354 go\r\n"), C("x\r\n.\r\nQUIT\r\n"),
	       S("250 ok\r\n221 bye\r\n"))},
	{"two mails and a reset", 587,
	 TURNS(GREETED, OFFERS, ENVELOPE, C("RSET\r\n"), S("250 ok\r\n"), ENVELOPE, C("DATA\r\n"),
	       S("354 go\r\n"), C("one\r\n.\r\nMAIL FROM:<>\r\nRCPT TO:<z@mx.example>\r\nDATA\r\n"),
	       S("250 ok\r\n250 ok\r\n250 ok\r\n354 go\r\n"), C("two\r\n.\r\n"), S("451 later\r\n"),
	       BYE)},
	{"chunks", 25,
	 TURNS(GREETED, OFFERS, ENVELOPE, C("BDAT 12\r\nRSET\r\nQUIT\r\n"), S("250 ok\r\n"),
	       C("BDAT 4 LAST\r\nx\r\n."), S("250 ok\r\n"), BYE)},
	{"a login", 587,
	 TURNS(GREETED, OFFERS, C("AUTH LOGIN\r\n"), S("334 VXNlcm5hbWU6\r\n"), C("dXNlcg==\r\n"),
	       S("334 UGFzc3dvcmQ6\r\n"), C("c2VjcmV0\r\n"), S("235 ok\r\n"), ENVELOPE, BYE)},
	{"a login that fails", 587,
	 TURNS(GREETED, OFFERS, C("auth plain AGEAYg==\r\n"), S("535 5.7.8 no\r\n"), BYE)},
	{"TLS", 25,
	 TURNS(GREETED, OFFERS, C("STARTTLS\r\n"), S("220 go\r\n"),
	       C("\x16\x03\x01\x00\x05\x01\x00\x00\x01\x00"), S("\x16\x03\x03\x00\x01\x02"),
	       C("\x17\x03\x03\x00\x04MAIL"),
	       S("\x17\x03\x03\x00\x04"
		 "250 "))},
	{"blocklisted", 25,
	 TURNS(S("554 5.7.1 Service unavailable; client [192.0.2.1] blocked using "
		 "zen.spamhaus.org\r\n"),
	       C("QUIT\r\n"), S("221 bye\r\n"))},
	{"another port", 2526, TURNS(GREETED, OFFERS, ENVELOPE, BYE)},
	{"another port, no EHLO", 10025,
	 TURNS(S("220-two\r\n220 lines\r\n"), C("NOOP\r\n"), S("250 ok\r\n"), ENVELOPE, BYE)},
	{"through a proxy", 3128,
	 TURNS(C("CONNECT mx.example:25 HTTP/1.1\r\nHost: mx.example:25\r\n\r\n"),
	       S("HTTP/1.1 200 Connection established\r\n\r\n"), GREETED, OFFERS, ENVELOPE, BYE)},
	{"local delivery", 24,
	 TURNS(S("220 lmtp\r\n"), C("LHLO x\r\n"), S("250 ok\r\n"), ENVELOPE, C("DATA\r\n"),
	       S("354 go\r\n"), C("x\r\n.\r\n"), S("250 ok\r\n"), BYE)},
};

#define SMTP_SCRIPTS (sizeof(smtp_scripts) / sizeof(smtp_scripts[0]))

static const PACKETS_UNUSED struct dialogue other_scripts[] = {
	{"HTTP", 80,
	 TURNS(C("POST /mail HTTP/1.1\r\nHost: x\r\nContent-Length: 44\r\n\r\nEHLO x\r\nMAIL "
		 "FROM:<a@b.example>\r\nDATA\r\n"),
	       S("HTTP/1.1 220 Sure\r\n\r\n250 ok\r\n"))},
	{"HTTP with an SMTP verb", 8080,
	 TURNS(C("HELP / HTTP/1.0\r\n\r\n"), S("HTTP/1.0 400\r\n\r\n"))},
	{"TLS", 443,
	 TURNS(C("\x16\x03\x01\x00\x05\x01\x00\x00\x01\x00"), S("\x16\x03\x03\x00\x01\x02"),
	       C("\x17\x03\x03\x00\x06"
		 "EHLO x"))},
	{"SSH", 22,
	 TURNS(S("SSH-2.0-OpenSSH_9.2p1\r\n"), C("SSH-2.0-OpenSSH_9.2p1\r\n"),
	       C("\x00\x00\x05\xdc\x09\x14"))},
	{"SSH with a banner", 22, TURNS(S("Welcome\r\nSSH-2.0-x\r\n"), C("SSH-2.0-y\r\n"))},
	{"IRC", 6667,
	 TURNS(S(":irc.example NOTICE * :*** Looking up\r\n"), C("NICK a\r\nUSER a 0 * :a\r\n"),
	       S(":irc.example 001 a :Welcome\r\n"), C("PRIVMSG #x :EHLO there\r\nQUIT\r\n"))},
	{"IRC, the client first", 6667, TURNS(C("NICK a\r\nUSER a 0 * :a\r\n"), S(":x 433 *\r\n"))},
	{"NNTP", 119,
	 TURNS(S("200 news.example ready\r\n"), C("HELP\r\n"), S("100 help\r\n.\r\n"),
	       C("GROUP misc\r\n"), S("211 1 1 1 misc\r\n"), C("QUIT\r\n"), S("205 bye\r\n"))},
	{"MySQL", 3306,
	 TURNS(S("\x4a\x00\x00\x00\x0a"
		 "8.0.36\x00"
		 "220 EHLO"),
	       C("\x20\x00\x00\x01\x85\xa6\xff"))},
	{"Redis", 6379,
	 TURNS(C("*1\r\n$4\r\nPING\r\n"), S("+PONG\r\n"), C("*2\r\n$4\r\nEHLO\r\n$1\r\nx\r\n"))},
	{"Redis, inline", 6379, TURNS(C("PING\r\n"), S("+PONG\r\n"), C("QUIT\r\n"), S("+OK\r\n"))},
	{"memcached", 11211,
	 TURNS(C("set k 0 0 6\r\nEHLO x\r\n"), S("STORED\r\n"), C("get k\r\n"),
	       S("VALUE k 0 6\r\nEHLO x\r\nEND\r\n"))},
	{"memcached's quit", 11211, TURNS(C("quit\r\n"))},
	{"FTP", 21,
	 TURNS(S("220 ftp.example ready\r\n"), C("USER anonymous\r\n"), S("331 who\r\n"),
	       C("PASS x\r\n"), S("230 in\r\n"), C("QUIT\r\n"), S("221 bye\r\n"))},
	{"FTP with TLS", 21,
	 TURNS(S("220-hello\r\n220 ready\r\n"), C("AUTH TLS\r\n"), S("234 ok\r\n"))},
	{"FTP that only quits", 21, TURNS(S("220 ready\r\n"), C("QUIT\r\n"), S("221 bye\r\n"))},
	{"POP3", 110,
	 TURNS(S("+OK ready\r\n"), C("USER a\r\n"), S("+OK\r\n"), C("PASS b\r\n"), S("-ERR\r\n"))},
	{"IMAP", 143,
	 TURNS(S("* OK ready\r\n"), C("a1 LOGIN a b\r\n"), S("a1 OK\r\n"), C("a2 NOOP\r\n"))},
	{"a proxy to elsewhere", 3128,
	 TURNS(C("CONNECT www.example:443 HTTP/1.1\r\n\r\n"), S("HTTP/1.1 200 ok\r\n\r\n"),
	       C("EHLO x\r\n"))},
};

#define OTHER_SCRIPTS (sizeof(other_scripts) / sizeof(other_scripts[0]))

#endif
