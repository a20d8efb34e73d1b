package main

import (
	"strings"
	"time"

	"belay/rollout"
	"belay/rollout/finding"
)

// ledgerRows need a rollout: what the world shows is held against what belay
// announced before.
func ledgerRows() []findingRow {
	const announces = "_mta-sts.corp.test"
	testing, enforcing := rolled(rollout.ReviewReports), rolled(rollout.RaiseMaxAge)
	foreign := record(announces, "TXT", "v=STSv1; id=somebodyelses;")
	longer := func(b *box) { serves(strings.Replace(b.file(), "86400", "604800", 1))(b) }
	return []findingRow{
		{code: "T04", made: "body changed, id not", sound: testing, fault: longer},
		{code: "T05", made: "id changed, body not", sound: testing, fault: foreign},
		{code: "T06", made: "the body of before under the new id", sound: enforcing, fault: func(b *box) {
			serves(strings.Replace(b.file(), "enforce", "testing", 1))(b)
		}},
		{code: "T07", made: "the id of before under the new body", sound: enforcing, fault: func(b *box) {
			record(announces, "TXT", "v=STSv1; id="+b.firstID()+";")(b)
		}},
		{code: "T09", made: "an id that belay never gave", sound: testing, fault: foreign},
		{code: "O01", made: "an MX host that the enforced policy lacks", sound: enforcing, fault: record("corp.test", "MX", "10 mx1.corp.test.", "20 mx2.corp.test.", "30 mail.control.test.")},
		{code: "O02", made: "mx2 left DNS", sound: testing, fault: record("corp.test", "MX", "10 mx1.corp.test.")},
		{code: "O03", made: "record removed while enforced", sound: enforcing, fault: record(announces, "TXT")},
		{code: "O03", made: "policy host removed while enforced", sound: enforcing, fault: with(record("mta-sts.corp.test", "A"), record("mta-sts.corp.test", "AAAA"))},
		{code: "O05", made: "policy host's certificate expired", sound: testing, fault: breaks("policy.expired")},
		{code: "O06", made: "every MX host has another name", sound: testing, fault: record("corp.test", "MX", "10 mail.control.test.")},
		{code: "O07", made: "somebody served another body", sound: testing, fault: longer},
		{code: "O10", made: "body served, the id lost on its way", sound: rolled(rollout.Enforce), fault: halfway},
		{code: "O12", made: "somebody changed the record", sound: testing, fault: foreign},
		{code: "E07", made: "testing, then enforce for a month", sound: testing, fault: func(b *box) {
			serves(strings.NewReplacer("testing", "enforce", "86400", "2592000").Replace(b.file()))(b)
			foreign(b)
			b.settled()
			b.must(exitGood, "adopt", "corp.test", "--reason", "another admin enforced it")
		}},
		{code: "A02", made: "enforced for a month, and a renewal that was due did not come", sound: rolled(rollout.Holding), fault: breaks("mx1.no-renewal"), after: passes(56 * rollout.Day)},
		{code: "O04", made: "record gone, though the policy before none is held", sound: with(enforcing, func(b *box) {
			serves("version: STSv1\r\nmode: none\r\nmax_age: 86400\r\n")(b)
			foreign(b)
			b.settled()
			b.must(exitGood, "adopt", "corp.test", "--reason", "another admin began to remove it")
			b.settled()
		}), fault: record(announces, "TXT")},
	}
}

// passes lets time go by, in which certificates are renewed that are due.
func passes(d time.Duration) func(*box) {
	return func(b *box) {
		b.t.Helper()
		if err := b.Wind(d); err != nil {
			b.t.Fatal(err)
		}
	}
}

// firstID is the first id of the rollout.
func (b *box) firstID() string {
	b.t.Helper()
	for line := range strings.Lines(b.must(exitGood, "log", "corp.test", "--json").out) {
		if _, rest, ok := strings.Cut(line, "v=STSv1; id=2"); ok {
			id, _, _ := strings.Cut(rest, ";")
			return "2" + id
		}
	}
	b.t.Fatal("the journal names no id")
	return ""
}

// halfway lets the step to enforce lose its id: the body is live, the record not
// changed.
func halfway(b *box) {
	b.t.Helper()
	b.LoseUpdates(true)
	b.belay("next", "corp.test", "--yes", "--json")
	b.LoseUpdates(false)
}

// unseenFromOutside are the codes that no look can find, and why.
func unseenFromOutside() map[finding.Code]string {
	const (
		account = "it is about an account at a provider, which a check does not log in to"
		plan    = "it is about a plan or the carrying out of one, not about the world"
		gate    = "a gate says it, of time or evidence"
		inbox   = "it is about reports that came in; reports import and reports show say it"
		state   = "it is about belay's own state on this machine"
	)
	return map[finding.Code]string{
		"P02": account, "P03": account, "P04": account, "P06": account,
		"R09": "what a mail filter holds back shows only when reports do not come (V02)",
		"D01": plan, "D09": plan, "D10": plan,
		"V01": inbox, "V02": inbox, "V03": inbox, "V04": inbox, "V05": inbox, "V06": inbox, "V07": inbox, "V08": inbox, "V09": inbox,
		"V10": inbox, "V11": inbox, "V12": inbox, "V13": inbox, "V14": inbox, "V15": inbox, "V16": inbox, "V17": inbox, "V18": inbox, "V19": inbox,
		"E01": gate, "E02": gate, "E03": gate, "E04": gate, "E05": "nobody but the operator knows of a change that is only planned",
		"E08": gate, "E09": plan,
		"A01": gate, "A03": "that MX hosts are to change is known to the operator alone; until when senders hold the policy is O01's",
		"O08": state, "O11": state, "O13": state, "O14": inbox,
	}
}
