package main

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"belay/providers/lab/vendor"
	"belay/rollout"
)

// addReports puts reports into the account at Valimail, in its own shapes: a row for
// each MX host, and what failed.
func (b *valimailBox) addReports() {
	b.api.SetPage(2) // so that rows of one report stand on two pages
	row := func(id, domain, mx string) map[string]any {
		return map[string]any{"domain": domain, "report-id": id, "version": "STSv1", "policy-mode": "testing", "policy-mx-host": mx, "max-age": 86400}
	}
	failed := map[string]any{
		"domain_name": "corp.test", "report_id": "r-1", "sending_mta_ip": "192.0.2.101", "start_date": "2026-11-01", "end_date": "2026-11-01",
		"receiving_ip": "192.0.2.12", "receiving_mx_host_name": "mx2.corp.test", "success_count": 150, "failure_count": 3,
	}
	b.api.AddReport(row("r-1", "corp.test", "mx1.corp.test"), failed)
	b.api.AddReport(row("r-2", "corp.test", "mx1.corp.test")) // nothing is told of its sessions
	b.api.AddReport(row("r-1", "corp.test", "mx2.corp.test"))
	b.api.AddReport(row("r-3", "other.test", "mx.other.test"), failed)
}

func (b *valimailBox) importThere(status int) rollout.Intake {
	b.t.Helper()
	var sum rollout.Intake
	out := b.must(status, "reports", "import", "valimail:", "--json").out
	if err := json.Unmarshal([]byte(strings.SplitN(out, "\n", 2)[0]), &sum); err != nil {
		b.t.Fatalf("import printed %q: %v", out, err)
	}
	return sum
}

func TestReportsAreTakenFromValimail(t *testing.T) {
	b := newValimailBox(t)
	b.begin()
	b.to(rollout.ReviewReports)
	if sum := b.importThere(exitGood); sum.Reports != 0 {
		t.Errorf("an account without reports gave %+v", sum)
	}
	b.addReports()
	sum := b.importThere(exitGood)
	if sum.New != 1 || sum.Unverified != 1 || sum.Verified != 0 || sum.Success != 150 || sum.Failure != 3 || sum.Unreadable != 0 {
		t.Errorf("the first import took %+v", sum)
	}
	if len(sum.Sources) != 1 || !strings.Contains(sum.Sources[0].Note, "of 1 reports Valimail tells neither") {
		t.Errorf("it does not say what could not be taken: %+v", sum.Sources)
	}
	if again := b.importThere(exitGood); again.New != 0 || again.Duplicates != 1 {
		t.Errorf("the second import took %+v", again)
	}

	// Nobody signed it: it counts where the account is trusted in writing, and closes
	// the gate then.
	b.settled()
	shown := b.must(exitGood, "reports", "show", b.Domain()).out
	b.must(exitGood, "reports", "trust", b.Domain(), "valimail:", "--reason", "our own account")
	trusted := b.must(exitGood, "reports", "show", b.Domain()).out
	if shown == trusted || !strings.Contains(trusted, "mx2.corp.test") {
		t.Errorf("trusting changes nothing:\n%s\n----\n%s", shown, trusted)
	}
}

func TestAFailingValimailHoldsNoOtherInboxUp(t *testing.T) {
	b := newValimailBox(t)
	b.begin()
	b.hook(vendor.Hooks{Interfere: func(r *http.Request) *vendor.Fault {
		if strings.Contains(r.URL.Path, "/mta-sts/tls") {
			return &vendor.Fault{Status: http.StatusInternalServerError, Type: "application/json", Body: `{"message":"Internal server error"}`}
		}
		return nil
	}})
	r := b.must(exitCannot, "reports", "import", "valimail:", b.Inbox())
	if told := strings.Join(strings.Fields(r.out+r.err), " "); !strings.Contains(told, "Valimail is out of order; try again later") || !strings.Contains(told, "Internal server error") {
		t.Errorf("it says:\n%s%s", r.out, r.err)
	}
}
