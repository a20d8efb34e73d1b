package finding

// What is found in DNS: the TLS-RPT record (R), publishing as such (D), and the
// MTA-STS record with its id (T).

var reporting = []Entry{
	{"R01", Fail, "TLS-RPT record at the wrong name", "Senders look at _smtp._tls.<domain> and nowhere else.", "Move the record there.", "RFC 8460 3"},
	{"R02", Fail, "more than one TLS-RPT record", "With two records that begin v=TLSRPTv1; senders act as if there were none.", "Merge them into one record with one rua list.", "RFC 8460 3"},
	{"R03", Fail, "malformed TLS-RPT record", "Senders that keep to the grammar do not read this record and send no reports.", "Write it as v=TLSRPTv1; rua=mailto:reports@example.com;", "RFC 8460 3"},
	{"R04", Warn, "several report addresses", "A sender may report to one of them only, so each sees a part.", "Prefer one address that collects all reports.", "RFC 8460 3"},
	{"R05", Warn, "reports by HTTPS only", "mox reports by mail alone and skips an https address; other senders post to it.", "Add a mailto: address.", "RFC 8460 3"},
	{"R06", Fail, "unescaped character in a report address", "The characters ! , and ; end a URI or a field unless percent-encoded.", "Write %21 for !, %2C for a comma and %3B for a semicolon.", "RFC 8460 3"},
	{"R07", Fail, "reports cannot be delivered", "The mailbox in rua, or its domain, refuses mail: no report will arrive.", "Create the mailbox, or name another.", "RFC 8460 3"},
	{"R08", Warn, "reports go to the domain under test", "If mail to this domain fails because of TLS, reports about it may not arrive either.", "Let reports go to a mailbox in another, healthy domain.", "RFC 8460 3"},
	{"R09", Warn, "reports may be filtered", "Spam filters, size limits or attachment rules can hold back compressed JSON from automated senders.", "Exempt the report mailbox from attachment rules, and accept at least 10 MB.", "RFC 8460 5.3"},
	{"R10", Info, "reports go to another domain", "Unlike DMARC, TLS-RPT needs no record in the domain that receives the reports.", "", "RFC 8460 3"},
	{"R11", Info, "foreign TXT at the TLS-RPT name", "A wildcard or another TXT record answers at this name.", "Publish an explicit TLS-RPT record; move other texts elsewhere.", "RFC 8460 3"},
	{"R12", Info, "report record for an MX host", "Reports about DANE are addressed to the domain of the TLSA record, which is the MX host.", "Publish a record at _smtp._tls.<MX host> too if you use DANE.", "RFC 8460 1.1"},
}

var publishing = []Entry{
	{"D01", Fail, "change not seen at any name server", "The provider accepted the change, yet the authoritative servers still give the old answer.", "Wait as long as the provider needs to distribute it, then look again; check that it is the right zone.", ""},
	{"D02", Fail, "name servers disagree", "Authoritative servers differ: senders see one answer or the other by chance.", "Right after a change this passes within moments; where it stays, mend the transfer of the zone to the server that lags.", "RFC 1034 4.3.5"},
	{"D03", Fail, "value damaged on its way", "The published text has literal quotes or backslashes, or lost its semicolons: senders cannot read it.", "Write the value again without quotes.", "RFC 1035 5.1"},
	{"D04", Fail, "domain doubled in the name", "The provider appended the zone to a name that already ended in it.", "Give the name relative to the zone.", ""},
	{"D05", Fail, "duplicate records", "A second record of the same kind was added; two of them count as none.", "Remove the older one.", "RFC 8461 3.1"},
	{"D06", Fail, "alias beside other records", "A CNAME allows no other record at its name.", "Choose one of the two; belay removes nothing that was not shown.", "RFC 2181 10.1"},
	{"D07", Warn, "long TTL", "While the rollout changes things, each change takes as long as this TTL to be seen.", "Use 300 to 3600 seconds until the rollout is done.", "RFC 8461 8.1"},
	{"D08", Warn, "negative answer cached", "The name was asked for before it existed; some resolvers keep saying so until the time shown.", "Wait until then.", "RFC 2308 5"},
	{"D09", Fail, "record changed since the plan", "Somebody changed this record after the plan was made. Nothing was written.", "Make the plan again and look at it.", ""},
	{"D10", Warn, "not all changes were written", "The provider's rate limit, or an error, ended the batch early.", "Carry on later: belay knows which edits are done.", ""},
	{"D11", Warn, "MX host behind an HTTP proxy", "A proxied record leads to a proxy that does not carry SMTP.", "Switch the MX host's record to DNS only.", ""},
	{"D12", Warn, "CAA forbids the issuer", "The CAA records do not name the authority that should issue the certificate.", "Add an issue entry for it, or use another authority.", "RFC 8659 3"},
}

var stsRecord = []Entry{
	{"T01", Fail, "not exactly one MTA-STS record", "With none, or more than one, senders act as if the domain had no MTA-STS.", "Publish exactly one TXT record that begins v=STSv1;", "RFC 8461 3.1"},
	{"T02", Fail, "malformed MTA-STS record", "Senders that keep to the grammar do not read this record, and for them the domain has no MTA-STS.", "Write it as v=STSv1; id=<id>;", "RFC 8461 3.1"},
	{"T03", Fail, "invalid policy id", "An id is 1 to 32 letters and digits. mox and postfix-tlspol ignore a record with any other; maddy and postfix-mta-sts-resolver take it.", "Use the UTC time, such as 20260301T120000Z.", "RFC 8461 3.1"},
	{"T04", Fail, "policy changed without a new id", "Senders that hold the old policy keep it until it expires: they fetch anew only when the id changes.", "Publish a new id now.", "RFC 8461 8.1"},
	{"T05", Warn, "id changed without a new policy", "Senders fetch the same policy once more. It does no harm.", "Nothing to do.", "RFC 8461 3.1"},
	{"T06", Fail, "id published before its policy", "Senders may have fetched the old policy under the new id, and will not ask again.", "Verify the policy on every address, then publish another new id.", "RFC 8461 8.1"},
	{"T07", Warn, "id used before", "A sender that holds a policy under this id does not fetch the new one.", "Publish an id that was never used.", "RFC 8461 3.1"},
	{"T08", Fail, "MTA-STS record at the wrong name", "Senders look at _mta-sts.<domain> and nowhere else.", "Move the record there.", "RFC 8461 3.1"},
	{"T09", Warn, "id was not set by belay", "The record was published by somebody or something else.", "Adopt it, so that belay knows it and never reuses its id.", "RFC 8461 3.1"},
	{"T10", Warn, "only half delegated", "Record and policy host are not kept by the same party, so id and policy can drift apart.", "Delegate both by CNAME, or neither.", "RFC 8461 8.2"},
}
