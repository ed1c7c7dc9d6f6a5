<?php
/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * connect.php - connections from PHP to a port of loopback, timed: connect.php PORT MILLISECONDS
 *
 * Five functions deep, as in an application. Nobody listens: what is measured is the way to the SYN, and a connection that was refused
 * leaves no port in TIME_WAIT. Prints one JSON object as load.c does.
 */
function call($port)
{
	$began = hrtime(true);
	@stream_socket_client("tcp://127.0.0.1:$port");
	return hrtime(true) - $began;
}

function deeper($depth, $port)
{
	return $depth ? deeper($depth - 1, $port) : call($port);
}

$port = (int)$argv[1];
$end = hrtime(true) + $argv[2] * 1000000;
$all = [];
while (hrtime(true) < $end || count($all) < 31)
	$all[] = deeper(3, $port);
sort($all);
$count = count($all);
echo json_encode(['load' => 'php', 'ns' => $all[intdiv($count, 2)], 'operations' => $count]), "\n";
