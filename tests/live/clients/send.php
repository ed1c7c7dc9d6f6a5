<?php
/* SPDX-License-Identifier: GPL-2.0-only */
/* send.php HOST PORT HELO FROM RCPT - one message over a stream socket, as a spam kit does it. */
[, $host, $port, $helo, $from, $to] = $argv;
$stream = stream_socket_client("tcp://$host:$port", $code, $error, 30) or exit(1);
function hear($stream)
{
	do {
		$line = fgets($stream);
	} while ($line !== false && $line[3] === '-');
}
hear($stream);
$lines = ["EHLO $helo", "MAIL FROM:<$from>", "RCPT TO:<$to>", 'DATA', "Subject: x\r\n\r\nhello\r\n.", 'QUIT'];
foreach ($lines as $line) {
	fwrite($stream, "$line\r\n");
	hear($stream);
}
