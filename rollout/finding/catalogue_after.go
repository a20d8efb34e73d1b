package finding

// What is found once a policy is out: in reports (V), on the way to enforce (E) and
// up the max_age ladder (A), and in the time after (O).

var review = []Entry{
	{"V01", Info, "no reports yet", "The first reports come after a full UTC day, from some senders several days later.", "Wait.", "RFC 8460 4.1"},
	{"V02", Warn, "no reports for two weeks", "Either no sender that reports writes to this domain, or the reports do not arrive.", "Check the report mailbox and its filters, and write to the domain from a large mail service. Without reports the wait is longer.", "RFC 8460 5"},
	{"V03", Fail, "senders failed to reach an MX host securely", "Under enforce these deliveries would have been refused.", "Compare with belay's own check of the host; if that is clean, the fault is intermittent, past, or at one address only.", "RFC 8460 4.3.1"},
	{"V04", Fail, "senders could not fetch the policy", "Without a cached policy these senders saw no MTA-STS.", "Check the policy host as it was at the time of the report.", "RFC 8460 4.3.2.2"},
	{"V05", Fail, "senders found the policy invalid", "What they fetched did not hold to the grammar, or was not the policy.", "Compare the policy in the report with the one that is served.", "RFC 8460 4.3.2.2"},
	{"V06", Fail, "senders rejected the policy host's certificate", "They treated the policy as missing.", "Check the certificate of the policy host on every address.", "RFC 8460 4.3.2.2"},
	{"V07", Fail, "senders tried an MX host outside the policy", "Either the policy lacks one of your MX hosts, or somebody led these senders elsewhere.", "Add the host to the policy if it is yours; if it is not, treat it as an attack.", "RFC 8461 4.1"},
	{"V08", Warn, "sender held an older policy", "It cached a policy that has been replaced since; this ends with that policy's max_age at the latest.", "Wait: it is no new fault.", "RFC 8461 5.1"},
	{"V09", Info, "sender found no policy", "It did not look for MTA-STS, or looked before the record was published.", "Nothing to do if the period lies before publication; else check record and policy.", "RFC 8460 4.4"},
	{"V10", Warn, "DANE failures", "Senders that use DANE could not verify an MX host by its TLSA records. For them DANE goes before MTA-STS.", "Mend the TLSA records or DNSSEC.", "RFC 8460 4.3.2.1"},
	{"V11", Info, "report not authenticated", "The mail's DKIM signature is missing or does not verify. The report is shown and not counted.", "Check that nothing on the way changes the mail; or declare the source trusted.", "RFC 8460 3"},
	{"V12", Warn, "report about another domain", "The report is about a domain that is not this one, so it is not counted.", "Ignore it.", "RFC 8460 7"},
	{"V13", Warn, "figures do not add up", "The report contradicts itself or another one for the same period.", "Take its counts as an estimate.", "RFC 8460 4"},
	{"V14", Warn, "late report", "It is about days that are past; what was mended since does not show in it.", "Nothing to do: it counts for the days it is about.", "RFC 8460 4.1"},
	{"V15", Warn, "only one reporter", "What one sender sees is little evidence for all of them.", "Wait longer.", ""},
	{"V16", Fail, "unreadable report", "The text is no report that can be used. It is kept as it came and not counted.", "Nothing to do at your end unless one sender's reports are all like this.", "RFC 8460 4"},
	{"V17", Info, "same sessions under two policies", "The sender counted the same sessions under MTA-STS and under DANE. They are counted once.", "", "RFC 8460 4.4"},
	{"V18", Warn, "report departs from the standard", "The sender does not keep to RFC 8460 here. This alone keeps no report from being counted.", "Nothing to do at your end.", "RFC 8460 4"},
	{"V19", Fail, "sender held a policy that was never yours", "The policy that a sender quotes was never served by this rollout: another server answered it, at an address that is not yours or was not looked at, or somebody stood in between.", "Check every address of the policy host, also from other networks, and who else can publish below the domain.", "RFC 8461 10.2"},
}

var enforcing = []Entry{
	{"E01", Fail, "own checks are not clean", "A sender would meet the same fault now; under enforce it would refuse to deliver.", "Mend what is listed, then look again.", "RFC 8461 5"},
	{"E02", Fail, "blocking failures in reports", "Senders failed since the last mend, and would have been refused under enforce.", "Find and mend the cause; the clean time starts anew.", "RFC 8461 5"},
	{"E03", Fail, "testing time too short", "Too little has been seen to know that every sender and every host is covered.", "Wait until the time shown, or override in writing.", "RFC 8461 8.4"},
	{"E04", Warn, "quiet days only", "The time in testing did not include a whole week or the busy days of your senders.", "Wait for them.", ""},
	{"E05", Fail, "change of MX or certificate ahead", "A change planned within max_age would meet senders that hold the enforced policy.", "Make the change first, then enforce.", "RFC 8461 8.1"},
	{"E06", Fail, "enforce policy not on every address", "An id must not announce it before every address serves it.", "Bring all addresses to the new policy first.", "RFC 8461 8.1"},
	{"E07", Warn, "long max_age in the same step", "A mistake under enforce would last as long as max_age.", "Enforce with 86400 first, then raise it.", "RFC 8461 8.4"},
	{"E08", Warn, "MX hosts never seen from here", "Port 25 could not be reached, so nobody has checked what senders meet.", "Check from elsewhere, or waive it in writing.", ""},
	{"E09", Info, "way back", "Going back to testing is one step; senders that hold the enforced policy and miss the new id keep it for max_age at most.", "", "RFC 8461 5.1"},
}

var raising = []Entry{
	{"A01", Fail, "rung not earned", "A rung was skipped, or failures came since the last one.", "Wait for the clean time of this rung.", "RFC 8461 10.2"},
	{"A02", Warn, "max_age outlasts the certificates", "No renewal has been seen; if one failed, mail would be refused for the days shown.", "Prove that renewal works on every address first.", "RFC 8461 4.2"},
	{"A03", Warn, "max_age lowered too late", "Senders that already hold the policy keep it until the date shown.", "Keep the old MX hosts until then.", "RFC 8461 8.1"},
	{"A04", Info, "max_age at its maximum", "More than 31557600 seconds, about a year, is not allowed.", "", "RFC 8461 3.2"},
}

var operating = []Entry{
	{"O01", Fail, "new MX host not in the policy", "Senders that enforce refuse this host until they have fetched a policy that names it.", "Add it to the policy, verify, publish a new id, wait until the date shown, and only then add the MX record.", "RFC 8461 8.1"},
	{"O02", Info, "MX host on its way out", "Its mx line does no harm meanwhile.", "Keep the host running while senders may still try it, then remove the line.", "RFC 8461 8.1"},
	{"O03", Fail, "policy removed while enforced", "Senders that hold the policy go on enforcing it until the date shown.", "Publish mode none with a new id; keep record, host and certificate until that date.", "RFC 8461 8.3"},
	{"O04", Fail, "removal too early", "An earlier policy with a longer max_age may still be held by senders.", "Wait until the ledger's last date.", "RFC 8461 8.3"},
	{"O05", Warn, "policy host down or its certificate ending", "Senders new to the domain are not protected; those with a cached policy still enforce it.", "Bring the host back, or renew its certificate.", "RFC 8461 10.2"},
	{"O06", Warn, "provider renames its MX hosts", "Policy and certificates must fit the new names before the MX records change.", "Check the new hosts and extend the policy before you switch.", "RFC 8461 8.1"},
	{"O07", Warn, "changed by someone else", "What is published is no longer what belay last verified.", "Adopt the change, or restore the last verified state.", ""},
	{"O08", Fail, "state cannot be used", "The store is damaged, held by another process, or from another version.", "Use the copy that the message names, or wait for the other process.", ""},
	{"O09", Warn, "clock is off", "Ids and waiting times depend on the clock, so gates that wait on time stay closed.", "Synchronise the clock of this machine.", ""},
	{"O10", Warn, "interrupted between policy and id", "The new policy is served under the old id. This is safe: senders fetch it later.", "Carry on: belay publishes the id next.", "RFC 8461 8.1"},
	{"O11", Warn, "interrupted before verification", "The record was written and has not been verified from outside.", "Verify before anything else is changed.", ""},
	{"O12", Fail, "world and notes disagree", "A step that was done is no longer so. What is published counts.", "Restore the last verified state, or adopt what is there.", ""},
	{"O13", Info, "credentials are not kept", "Secrets are read from the environment or the keyring and never written to the store or a log.", "", ""},
	{"O14", Warn, "reports have stopped", "Reports used to come and no longer do: senders stopped, or the mail does not arrive.", "Check the report mailbox and its filters.", "RFC 8460 4.2"},
}
