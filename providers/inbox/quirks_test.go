package inbox

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"belay/rollout"
	"belay/rollout/tlsrpt"
)

// TestQuirksOfRealSenders names each liberty that real senders take, and shows by a
// small input of our own that a report with it is read, with nothing lost.
func TestQuirksOfRealSenders(t *testing.T) {
	plain := reportOf("1", "corp.test")
	as := func(pairs ...string) string {
		for i := 0; i < len(pairs); i += 2 {
			if !strings.Contains(plain, pairs[i]) {
				t.Fatalf("the report has no %s", pairs[i])
			}
		}
		return mailOf(t, strings.NewReplacer(pairs...).Replace(plain))
	}
	in := func(mail string, pairs ...string) string { return strings.NewReplacer(pairs...).Replace(mail) }
	const (
		policy  = `"policy-domain":"corp.test"`
		success = `"total-successful-session-count":10`
		failure = `,"total-failure-session-count":1`
		detail  = `"result-type":"validation-failure"`
		start   = `"2026-06-14T00:00:00Z"`
		end     = `"2026-06-14T23:59:59Z"`
		contact = `"contact-info":"tls@sender.test"`
	)
	day := time.Date(2026, 6, 14, 0, 0, 0, 0, time.UTC)
	both := strings.Replace(plain, `"policies":[`, `"policies":[`+policyOf("tlsa", "mx1.corp.test", 10, 1)+",", 1)
	for _, row := range []struct {
		name, mail string
		holds      func(r tlsrpt.Report) bool // besides 10 good sessions and a failed one
	}{
		{"Google: zero counters are left out", as(failure, ""), func(r tlsrpt.Report) bool { return r.Policies[0].Failed == 0 }},
		{"Google: policy lines end in a carriage return", as(policy, policy+`,"policy-string":["version: STSv1\r","mode: testing\r"]`), func(r tlsrpt.Report) bool {
			return slices.Equal(r.Policies[0].Strings, []string{"version: STSv1", "mode: testing"})
		}},
		{"Google: max_age stands before mx", as(policy, policy+`,"policy-string":["version: STSv1","mode: testing","max_age: 86400","mx: mx1.corp.test"]`), nil},
		{"Google: sending-mta-ip is empty", as(detail, detail+`,"sending-mta-ip":""`), nil},
		{"Google: a bare validation-failure without a code", as(), func(r tlsrpt.Report) bool { return r.Policies[0].Failures[0].ReasonCode == "" }},
		{"Google: whatever its From and its organisation are called", in(as(`"organization-name":"Sender"`, `"organization-name":"Sender Inc."`), "TLS reports <tls@sender.test>", "<noreply-smtp-tls-reporting@sender.test>"), func(r tlsrpt.Report) bool {
			return r.OrganizationName == "Sender Inc."
		}},
		{"Google: no mx-host", as(), func(r tlsrpt.Report) bool { return r.Policies[0].MXHosts == nil }},
		{"Google: mx-host is an array", as(policy, policy+`,"mx-host":["mx1.corp.test"]`), func(r tlsrpt.Report) bool { return r.Policies[0].MXHosts[0] == "mx1.corp.test" }},
		{"Google: the subject's Report-ID is not the report's", in(as(), "Report-ID: <1@sender.test>", "Report-ID: <other@x>"), func(r tlsrpt.Report) bool { return r.ReportID == "1" }},
		{"Google: file name and subject are of another day than the report", in(as(), "!1781395200!1781481599", "!1700000000!1700086399"), nil},
		{"Microsoft: times without a zone", as(start, `"2026-06-14T00:00:00"`, end, `"2026-06-14T23:59:59"`), nil},
		{"Microsoft: sts and tlsa over the same sessions", mailOf(t, both), func(r tlsrpt.Report) bool { return len(r.Policies) == 2 }},
		{"Microsoft: a tlsa policy-string is one string", mailOf(t, strings.Replace(both, `"policy-domain":"mx1.corp.test"`, `"policy-domain":"mx1.corp.test","policy-string":"[\"3 1 1 AB\"]"`, 1)), func(r tlsrpt.Report) bool {
			return len(r.Policies) == 2 && slices.Equal(r.Policies[0].Strings, []string{`["3 1 1 AB"]`})
		}},
		{"Microsoft: a fetch error without addresses and policy-string", as(detail, `"result-type":"sts-policy-fetch-error"`), nil},
		{"Microsoft: the report id ends in +", as(`"report-id":"1"`, `"report-id":"133987+"`), func(r tlsrpt.Report) bool { return r.ReportID == "133987+" }},
		{"Microsoft: the report id ends in the domain", as(`"report-id":"1"`, `"report-id":"133987+corp.test"`), func(r tlsrpt.Report) bool { return r.ReportID == "133987+corp.test" }},
		{"Microsoft: the text part is HTML", in(as(), "text/plain; charset=us-ascii", "text/html; charset=utf-8"), nil},
		{"Microsoft: no name= in the type, the name in Content-Disposition", as(), nil},
		{"Microsoft: a folded subject without brackets", in(as(), "Report-ID: <1@sender.test>", "Report-ID: 1@sender.test"), nil},
		{"Microsoft: the Message-ID is of the recipient's domain", "Message-ID: <1@corp.test>\r\n" + as(), nil},
		{"Microsoft: 24 days late", in(cameIn(as(), day.AddDate(0, 0, 24))), nil},
		{"Microsoft: codes of its own", as(detail, detail+`,"failure-reason-code":"MX_HOSTS_MISMATCH"`), func(r tlsrpt.Report) bool { return r.Policies[0].Failures[0].ReasonCode == "MX_HOSTS_MISMATCH" }},
		{"Microsoft: a code that says no more than the type", as(detail, detail+`,"failure-reason-code":"VALIDATION_FAILURE"`), func(r tlsrpt.Report) bool { return r.Policies[0].Failures[0].ReasonCode == "VALIDATION_FAILURE" }},
		{"Mail.ru: a reason in prose", as(detail, detail+`,"failure-reason-code":"bad https response code: 404"`), func(r tlsrpt.Report) bool {
			return r.Policies[0].Failures[0].ReasonCode == "bad https response code: 404"
		}},
		{"Mail.ru: details add up to more than the total", as(`"failed-session-count":1`, `"failed-session-count":2`), func(r tlsrpt.Report) bool { return r.Policies[0].Failures[0].Sessions == 2 }},
		{"Mail.ru: the end is the next midnight", as(end, `"2026-06-15T00:00:00Z"`), nil},
		{"Stalwart: contact-info is null", as(contact, `"contact-info":null`), nil},
		{"Stalwart: a report id of a time and a hash", as(`"report-id":"1"`, `"report-id":"1781395200_123456789"`), nil},
		{"Stalwart: empty arrays", as(policy, policy+`,"mx-host":[],"policy-string":[]`), nil},
		{"Stalwart: the type application/tlsrpt", in(as(), "application/tlsrpt+gzip", "application/tlsrpt"), nil},
		{"tlsrpt-reporter: empty failure-details", mailOf(t, strings.NewReplacer(`{"result-type":"validation-failure","failed-session-count":1}`, "").Replace(plain)), nil},
		{"tlsrpt-reporter: a report id with an index", as(`"report-id":"1"`, `"report-id":"2026-06-14T00:00:00Z_idx1_sender.test"`), func(r tlsrpt.Report) bool { return strings.Contains(r.ReportID, "_idx1_") }},
		{"mox: failures alone, good sessions are not told", as(success+",", ""), func(r tlsrpt.Report) bool { return r.Policies[0].Successful == 0 && r.Policies[0].Failed == 1 }},
		{"Trustwave SEG: the header is spelled ContentType", in(as(), "Content-Type: application/tlsrpt+gzip", "ContentType: application/tlsrpt+gzip"), nil},
		{"SES: the type became octet-stream", in(as(), "application/tlsrpt+gzip", "application/octet-stream"), nil},
		{"RFC 8460's example: mx-host is a string", as(policy, policy+`,"mx-host":"*.corp.test"`), func(r tlsrpt.Report) bool { return slices.Equal(r.Policies[0].MXHosts, []string{"*.corp.test"}) }},
		{"policy-string is a string", as(policy, policy+`,"policy-string":"version: STSv1"`), func(r tlsrpt.Report) bool { return slices.Equal(r.Policies[0].Strings, []string{"version: STSv1"}) }},
		{"a policy type that nobody knows", as(`"policy-type":"sts"`, `"policy-type":"moon"`), func(r tlsrpt.Report) bool { return r.Policies[0].Type == "moon" }},
		{"no contact-info, no organisation", as(contact+",", "", `"organization-name":"Sender",`, ""), nil},
		{"the policy type in upper case", as(`"policy-type":"sts"`, `"policy-type":"STS"`), func(r tlsrpt.Report) bool { return r.Policies[0].Type == tlsrpt.STS }},
		{"the domain in upper case, with its dot", as(policy, `"policy-domain":"CORP.test."`), nil},
		{"an unknown result type", as("validation-failure", "tls-too-old"), func(r tlsrpt.Report) bool { return r.Policies[0].Failures[0].Type == "tls-too-old" }},
		{"mx-host-pattern for mx-host", as(policy, policy+`,"mx-host-pattern":["mx1.corp.test"]`), func(r tlsrpt.Report) bool { return len(r.Policies[0].MXHosts) == 1 }},
		{"additional-info-uri for additional-information", as(detail, detail+`,"additional-info-uri":"https://sender.test/x"`), func(r tlsrpt.Report) bool { return r.Policies[0].Failures[0].AdditionalInfo != "" }},
		{"members nobody knows", as(contact, contact+`,"x-more":{"a":[1,null]}`), nil},
		{"a byte order mark", mailOf(t, "\ufeff"+plain), nil},
	} {
		t.Run(row.name, func(t *testing.T) {
			store := &shelf{}
			got, err := importer(store, nil).Import(t.Context(), []string{files(t, map[string]string{"1.eml": row.mail})}, nil)
			if err != nil || got.New != 1 || len(got.Skipped) > 0 {
				t.Fatalf("got %+v, error %v; want the report", got, err)
			}
			kept := store.kept[0]
			r := kept.Report
			success, failure := sessions(r)
			if want := int64(1); success != 10 && !strings.HasPrefix(row.name, "mox") || failure != want && !strings.Contains(row.name, "zero counters") {
				t.Errorf("%d good sessions and %d failed, want 10 and 1", success, failure)
			}
			ends := r.End.Equal(day.Add(rollout.Day)) || r.End.Equal(day.Add(rollout.Day-time.Second))
			if !r.Start.Equal(day) || !ends || r.Policies[len(r.Policies)-1].Domain != "corp.test" || kept.Submitter != "sender.test" {
				t.Errorf("about %s, %s to %s, by %q", r.Policies[0].Domain, r.Start, r.End, kept.Submitter)
			}
			if row.holds != nil && !row.holds(r) {
				t.Errorf("read %+v", r)
			}
		})
	}
}

// TestQuirksThatAreRefused are the liberties by which the figures would lie, and the
// one report that cannot be said to be anybody's.
func TestQuirksThatAreRefused(t *testing.T) {
	plain := reportOf("1", "corp.test")
	for name, row := range map[string]struct{ report, why string }{
		"Postfix with tlsrpt-reporter: no policy-domain, with no-policy-found": {strings.NewReplacer(`"sts"`, `"no-policy-found"`, `,"policy-domain":"corp.test"`, "").Replace(plain), "names no policy domain"},
		"counts as strings":           {strings.Replace(plain, `count":10`, `count":"10"`, 1), "not a number"},
		"a member twice":              {strings.Replace(plain, `"report-id"`, `"report-id":"0","report-id"`, 1), "stands twice"},
		"something behind the report": {plain + "{}", "follows behind"},
		"a detail without its count":  {strings.Replace(plain, `,"failed-session-count":1`, "", 1), "no failed-session-count"},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := importer(&shelf{}, nil).Import(t.Context(), []string{files(t, map[string]string{"1.eml": mailOf(t, row.report)})}, nil)
			if err != nil || got.New != 0 || len(got.Skipped) != 1 || !strings.Contains(fmt.Sprint(got.Skipped), row.why) {
				t.Errorf("got %+v, error %v; want a line with %q", got, err, row.why)
			}
		})
	}
}
