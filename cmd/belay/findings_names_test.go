package main

import (
	"context"
	"time"

	"belay/rollout/finding"
	"belay/steps/probe"
)

// nameRows are about the records that a rollout publishes.
func nameRows() []findingRow {
	const reports, announces = "_smtp._tls.corp.test", "_mta-sts.corp.test"
	rua := func(text string) func(*box) { return record(reports, "TXT", text) }
	sts := func(texts ...string) func(*box) { return record(announces, "TXT", texts...) }
	return []findingRow{
		{code: "R01", made: "record at _tlsrpt", fault: record("_tlsrpt.corp.test", "TXT", "v=TLSRPTv1; rua=mailto:tlsrpt@corp.test")},
		{code: "R01", made: "record at the apex", fault: record("corp.test", "TXT", "v=TLSRPTv1; rua=mailto:tlsrpt@corp.test")},
		{code: "R02", made: "two records", fault: record(reports, "TXT", "v=TLSRPTv1; rua=mailto:a@corp.test", "v=TLSRPTv1; rua=mailto:b@corp.test")},
		{code: "R03", made: "V= in capitals", fault: rua("V=TLSRPTv1; rua=mailto:tlsrpt@corp.test")},
		{code: "R03", made: "ruf for rua", fault: rua("v=TLSRPTv1; ruf=mailto:tlsrpt@corp.test")},
		{code: "R04", made: "two addresses", fault: rua("v=TLSRPTv1; rua=mailto:a@corp.test,mailto:b@corp.test")},
		{code: "R05", made: "https only", sound: with(published, rua("v=TLSRPTv1; rua=mailto:a@corp.test,https://mta-sts.corp.test/r")), fault: rua("v=TLSRPTv1; rua=https://mta-sts.corp.test/r")},
		{code: "R06", made: "bare ! in a URI", fault: rua("v=TLSRPTv1; rua=mailto:tlsrpt@corp.test!10m")},
		{code: "R07", sev: finding.Warn, made: "rua in a domain that does not exist", fault: rua("v=TLSRPTv1; rua=mailto:tlsrpt@nobody.test")},
		{code: "R07", sev: finding.Warn, made: "rua in a domain with a null MX", sound: with(published, record("reports.corp.test", "MX", "10 mx1.corp.test."), rua("v=TLSRPTv1; rua=mailto:tlsrpt@reports.corp.test")), fault: record("reports.corp.test", "MX", "0 .")},
		{code: "R08", made: "rua here, and mx2 fails", fault: breaks("mx2.expired")},
		{code: "R10", made: "rua in another's domain", fault: rua("v=TLSRPTv1; rua=mailto:tlsrpt@control.test")},
		{code: "R11", made: "SPF in place of the record", fault: rua("v=spf1 -all")},
		{code: "R11", sev: finding.Warn, made: "SPF beside the record", fault: record(reports, "TXT", "v=TLSRPTv1; rua=mailto:tlsrpt@corp.test", "v=spf1 -all")},
		{code: "D03", made: "literal quotes", fault: sts(`"v=STSv1; id=1;"`)},
		{code: "D04", made: "_mta-sts.corp.test.corp.test", fault: record("_mta-sts.corp.test.corp.test", "TXT", "v=STSv1; id=1;")},
		{code: "D05", made: "a second record appended", fault: sts("v=STSv1; id=1;", "v=STSv1; id=2;")},
		{code: "D06", made: "CNAME beside TXT", fault: record(announces, "CNAME", "mx1.corp.test.")},
		{code: "T01", made: "two records", fault: sts("v=STSv1; id=1;", "v=STSv1; id=2;")},
		{code: "T02", made: "v=STSV1", fault: sts("v=STSV1; id=1;")},
		{code: "T02", made: "two ids in one record", fault: sts("v=STSv1; id=1; id=2;")},
		{code: "T02", made: "no id", fault: sts("v=STSv1;")},
		{code: "T03", made: "dash in the id", fault: sts("v=STSv1; id=2026-03-01;")},
		{code: "T08", made: "record at mta-sts", fault: record("mta-sts.corp.test", "TXT", "v=STSv1; id=1;")},
		{code: "T10", made: "_mta-sts is a vendor's, mta-sts is not", fault: with(sts(), record("sts.control.test", "TXT", "v=STSv1; id=1;"), record(announces, "CNAME", "sts.control.test."))},
	}
}

// askedTooEarly makes the resolver remember that there is no record yet.
func askedTooEarly(b *box) {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.t.Context(), 20*time.Second)
	defer cancel()
	v := probe.Open(ctx, b.World(), nil)
	defer v.Close()
	if said := v.Resolve("_mta-sts.corp.test", "TXT"); said.Err != nil || len(said.Values) > 0 {
		b.t.Fatalf("asked too early, and %+v", said)
	}
}
