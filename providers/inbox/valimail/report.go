package valimail

import (
	"encoding/json"
	"errors"
	"slices"
	"strconv"
	"strings"
	"time"

	"belay/rollout/mtasts"
)

// errTooLittle says that a report is told of without a period or any session.
var errTooLittle = errors.New("neither a period nor a session is told of")

// typeNotTold stands where Valimail names no type of failure: one that nobody knows
// is taken as seriously as those that are known.
const typeNotTold = "not-told-by-valimail"

// reporterNotTold stands where Valimail does not name who reported.
const reporterNotTold = "a sender that Valimail does not name"

// fields are one object of an answer, by its keys in lower case with hyphens: some
// answers have underscores, some capitals.
type fields map[string]any

func (f *fields) UnmarshalJSON(b []byte) error {
	var raw map[string]any
	if err := json.Unmarshal(b, &raw); err != nil {
		return err
	}
	*f = fields{}
	for key, v := range raw {
		(*f)[strings.ReplaceAll(strings.ToLower(key), "_", "-")] = v
	}
	return nil
}

// text is the first of these that is a text or a number; "" where none is.
func (f fields) text(keys ...string) string {
	for _, key := range keys {
		switch v := f[key].(type) {
		case string:
			if v != "" {
				return v
			}
		case float64:
			return strconv.FormatFloat(v, 'f', -1, 64)
		}
	}
	return ""
}

// count is the first of these that is a count; 0 where none is, or it is none that a
// count could be.
func (f fields) count(keys ...string) int64 {
	n, err := strconv.ParseInt(f.text(keys...), 10, 64)
	if err != nil || n < 0 {
		return 0
	}
	return n
}

// rows are the objects of a list.
func (f fields) rows(key string) []fields {
	raw, err := json.Marshal(f[key])
	if err != nil {
		return nil
	}
	rows, err := rowsOf(raw)
	if err != nil {
		return nil
	}
	return rows
}

// rowsOf are the objects of a list, by itself or in "data" or "results".
func rowsOf(raw json.RawMessage) ([]fields, error) {
	var rows []fields
	err := json.Unmarshal(raw, &rows)
	if err == nil {
		return rows, nil
	}
	var framed fields
	if json.Unmarshal(raw, &framed) != nil {
		return nil, err
	}
	for _, key := range []string{"data", "results"} {
		if _, ok := framed[key].([]any); ok {
			return framed.rows(key), nil
		}
	}
	return nil, err
}

// period is when a report begins and ends: moments, or days of which the last is
// whole where it is the first too.
func period(from, to string) (begins, ends time.Time, ok bool) {
	begins, whole, ok := moment(from)
	if !ok {
		return begins, ends, false
	}
	ends, _, ok = moment(to)
	if !ok || whole && !ends.After(begins) {
		ends = begins.Add(24*time.Hour - time.Second)
	}
	return begins, ends, true
}

func moment(text string) (t time.Time, day, ok bool) {
	if t, err := time.Parse(time.RFC3339, text); err == nil {
		return t.UTC(), false, true
	}
	t, err := time.Parse(time.DateOnly, text)
	return t, true, err == nil
}

// whole writes a report as RFC 8460 section 4 has it. Successes are told once a
// failure, all of the whole report: the most is taken. Failures are told each by
// itself.
func whole(l listed, details []fields) ([]byte, error) {
	begins, ends, ok := period(l.row.text("start-date", "start-datetime", "date-received"), l.row.text("end-date", "end-datetime"))
	success := l.row.count("total-successful-session-count", "success-count", "successful-session-count")
	var failed int64
	failures := []map[string]any{}
	for _, d := range details {
		if !ok {
			begins, ends, ok = period(d.text("start-date"), d.text("end-date"))
		}
		success = max(success, d.count("success-count"))
		n := d.count("failure-count", "failed-session-count")
		if n == 0 {
			continue
		}
		failed += n
		failure := map[string]any{"result-type": typeNotTold, "failed-session-count": n}
		for key, told := range map[string]string{
			"result-type": d.text("result-type"), "sending-mta-ip": d.text("sending-mta-ip"), "receiving-ip": d.text("receiving-ip"),
			"receiving-mx-hostname": d.text("receiving-mx-host-name", "receiving-mx-hostname"), "failure-reason-code": d.text("failure-reason-code"),
		} {
			if told != "" {
				failure[key] = told
			}
		}
		failures = append(failures, failure)
	}
	failed = max(failed, l.row.count("total-failure-session-count", "failure-count"))
	if !ok || success+failed == 0 {
		return nil, errTooLittle
	}
	policy := map[string]any{"policy-type": firstOf(l.row.text("policy-type"), "sts"), "policy-domain": l.domain}
	if text := l.policy(); text != nil {
		policy["policy-string"] = text
	}
	return json.Marshal(map[string]any{
		"organization-name": firstOf(l.row.text("organization-name", "org-name"), reporterNotTold),
		"contact-info":      l.row.text("contact-info"),
		"report-id":         l.id,
		"date-range":        map[string]string{"start-datetime": begins.Format(time.RFC3339), "end-datetime": ends.Format(time.RFC3339)},
		"policies": []any{map[string]any{
			"policy":          policy,
			"summary":         map[string]int64{"total-successful-session-count": success, "total-failure-session-count": failed},
			"failure-details": failures,
		}},
	})
}

// policy is the policy that the reporter held, line by line; nil where it is not
// told whole.
func (l listed) policy() []string {
	mode := mtasts.Mode(l.row.text("policy-mode"))
	known := slices.Contains([]mtasts.Mode{mtasts.Testing, mtasts.Enforce, mtasts.None}, mode)
	if !known || len(l.mx) == 0 || l.row.text("max-age") == "" {
		return nil
	}
	lines := []string{"version: STSv1", "mode: " + string(mode)}
	for _, mx := range l.mx {
		lines = append(lines, "mx: "+mx)
	}
	return append(lines, "max_age: "+l.row.text("max-age"))
}

func firstOf(a, b string) string {
	if a != "" {
		return a
	}
	return b
}
