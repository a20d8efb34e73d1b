package finding

// What is found about the policy: the host that serves it (H) and its text (C).

var policyHost = []Entry{
	{"H01", Fail, "policy host has no address", "Senders cannot fetch the policy, and for those without a cached one the domain has no MTA-STS.", "Publish A and AAAA records, or a CNAME, for the policy host.", "RFC 8461 3.3"},
	{"H02", Fail, "one address serves no policy", "Which address a sender uses is up to chance: at this one it gets nothing, or another site.", "Make the address serve the policy, or remove its record.", "RFC 8461 3.3"},
	{"H03", Fail, "policy host's certificate fails", "Senders treat the policy as missing unless the certificate is valid for the policy host's own name, also behind a CNAME.", "Install a certificate for the policy host's name, with its full chain.", "RFC 8461 3.3"},
	{"H04", Fail, "policy host redirects", "Senders must not follow redirects: to them the policy is missing.", "Serve the policy at its own URL; exempt it from redirects of any kind.", "RFC 8461 3.3"},
	{"H05", Fail, "policy host does not answer 200", "Any status but 200 means to senders that there is no policy.", "Serve the text at /.well-known/mta-sts.txt, and exempt that path from bot checks and logins.", "RFC 8461 3.3"},
	{"H06", Fail, "wrong media type", "postfix-mta-sts-resolver, postfix-tlspol and maddy refuse a policy that is not served as text/plain; mox does not look.", "Serve it as text/plain.", "RFC 8461 3.2"},
	{"H07", Warn, "policy host is slow", "postfix-tlspol gives up after two seconds and postfix-mta-sts-resolver after four; they then have no policy.", "Serve the policy as a static file from a host that is always warm.", "RFC 8461 3.3"},
	{"H08", Warn, "TLS versions of the policy host", "Some senders speak TLS 1.2 only, and none should have to speak less.", "Offer both TLS 1.2 and TLS 1.3.", "RFC 8461 7.2"},
	{"H09", Warn, "policy differs between answers", "Addresses or requests get different policies, so senders hold different ones.", "Purge caches and bring all servers to the same text.", "RFC 8461 3.2"},
	{"H10", Warn, "policy host's certificate expires soon", "After that day new senders get no policy, and those that have one cannot renew it.", "Renew it, and prove that renewal works unattended.", "RFC 8461 10.2"},
	{"H11", Warn, "policy is cached in between", "A shared cache may serve the old policy after a change, under the new id.", "Turn caching off for this URL, or purge it before each new id.", "RFC 8461 8.2"},
	{"H12", Fail, "policy is too large", "mox, postfix-tlspol and postfix-mta-sts-resolver read 64 KiB and drop a longer policy; maddy reads it.", "Shorten it.", "RFC 8461 3.3"},
	{"H13", Warn, "encoded without being asked", "The answer is compressed though the request did not offer that; simple clients cannot read it.", "Serve the policy without content encoding.", "RFC 9110 12.5.3"},
	{"H14", Info, "also served over plain HTTP", "Senders never use it.", "", "RFC 8461 3.3"},
	{"H15", Warn, "one certificate for mail and policy host", "If the policy host's name cannot be validated, renewal of the mail host's certificate fails with it.", "Use separate certificates.", ""},
	{"H16", Warn, "policy host leads to a stranger", "The name resolves, by a wildcard or a parked domain, to a host that is not yours.", "Publish an explicit record for the policy host.", "RFC 8461 3.3"},
	{"H17", Fail, "nothing answers on port 443", "Senders cannot fetch the policy.", "Start the web server, and open port 443 in the firewall.", "RFC 8461 3.3"},
}

var policyContent = []Entry{
	{"C01", Fail, "characters that do not belong", "A byte order mark, control character or non-ASCII text makes senders drop the policy.", "Save the policy as plain ASCII text.", "RFC 8461 3.2"},
	{"C02", Fail, "blank line", "The grammar has no blank lines: mox, maddy and postfix-tlspol drop the whole policy for one. postfix-mta-sts-resolver reads on.", "Remove it, also at the end of the text.", "RFC 8461 3.2"},
	{"C03", Fail, "required field missing, repeated or wrong", "A policy needs version, mode and max_age once each; senders refuse it otherwise.", "Write each of them once, on a line of its own.", "RFC 8461 3.2"},
	{"C04", Fail, "unknown mode", "Senders know none, testing and enforce, in lower case, and refuse a policy with anything else.", "Write one of the three.", "RFC 8461 3.2"},
	{"C05", Fail, "invalid max_age", "max_age is a whole number of seconds from 0 to 31557600, without sign or unit. mox and postfix-tlspol refuse anything but digits, postfix-mta-sts-resolver a number beyond the limit.", "Write the number of seconds, for example 86400 for a day.", "RFC 8461 3.2"},
	{"C06", Info, "short max_age", "Senders forget the policy soon, and some take no notice of one so short.", "86400 is enough while testing; raise it after enforce has proved itself.", "RFC 8461 3.2"},
	{"C07", Fail, "MX host not covered by the policy", "Under enforce senders refuse to deliver to this host.", "Add an mx line for it, or remove it from the MX records.", "RFC 8461 4.1"},
	{"C08", Warn, "mx pattern without MX host", "No MX record matches this pattern. During a change of MX hosts that is as it should be.", "Remove the line once the old host is gone for good.", "RFC 8461 3.2"},
	{"C09", Fail, "wildcard in the wrong place", "A * stands for exactly one left-most label and nothing else: *.mx.example.com covers a.mx.example.com, not b.a.mx.example.com.", "Write the * as the first label alone, directly above the hosts it should cover.", "RFC 8461 4.1"},
	{"C10", Warn, "wildcard too wide", "Anybody with a name under it can stand in for your MX host.", "Name the MX hosts, or the narrowest wildcard that covers them.", "RFC 8461 10.4"},
	{"C11", Fail, "mx is no host name", "An mx line holds one host name: no address, URL, port, preference, list or trailing dot. mox and, but for a trailing dot, postfix-tlspol refuse the whole policy; maddy and postfix-mta-sts-resolver keep the line, which matches nothing.", "Write one mx: line for each host, with the name alone.", "RFC 8461 3.2"},
	{"C12", Warn, "name outside ASCII", "Senders compare A-labels; a name in Unicode matches nothing.", "Write the name in its xn-- form.", "RFC 8461 3.2"},
	{"C13", Fail, "no mx", "A policy in testing or enforce must name at least one MX host; Stalwart wants one with mode none too.", "Add an mx line for every MX host.", "RFC 8461 3.2"},
	{"C14", Info, "mixed line ends", "LF and CRLF are both right, also mixed.", "", "RFC 8461 3.2"},
	{"C15", Warn, "unknown field or comment", "mox, postfix-tlspol and postfix-mta-sts-resolver ignore unknown fields, as the RFC asks; maddy drops the whole policy over one with a colon in its value. Comments do not exist.", "Remove the line.", "RFC 8461 3.2"},
	{"C16", Fail, "white space before a name or colon", "The grammar allows white space behind the colon only; senders refuse the policy.", "Remove it.", "RFC 8461 3.2"},
}
