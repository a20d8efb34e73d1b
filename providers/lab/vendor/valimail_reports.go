package vendor

import (
	"net/http"
	"net/url"
	"strconv"
	"time"
)

// AddReport puts a report into the account: its row of the list, and its failure
// details, none for a report without failures.
func (v *Valimail) AddReport(row map[string]any, details ...map[string]any) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.state.reports = append(v.state.reports, row)
	id, _ := row["report-id"].(string)
	v.state.details[id] = append(v.state.details[id], details...)
}

// SetPage makes a page of the list have at most n rows, whatever is asked for.
func (v *Valimail) SetPage(n int) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.state.page = n
}

// listReports is the list of reports, page by page.
func (v *Valimail) listReports(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	for _, key := range []string{"start-date", "end-date"} {
		if _, err := time.Parse(time.DateOnly, q.Get(key)); err != nil {
			valimailSays(w, r, http.StatusUnprocessableEntity, "Failed to normalize or parse the request: "+key)
			return
		}
	}
	limit, page := clamp(q.Get("limit"), 20, 100), clamp(q.Get("page"), 1, 1<<20)
	v.mu.Lock()
	if v.state.page > 0 {
		limit = min(limit, v.state.page)
	}
	all := v.state.reports
	from := min((page-1)*limit, len(all))
	rows := all[from:min(from+limit, len(all))]
	v.mu.Unlock()
	if len(all) == 0 {
		valimailSays(w, r, http.StatusNotFound, "no report available for the parameters informed")
		return
	}
	answer := map[string]any{"Count": len(all), "Next": "", "Previous": "", "Results": rows}
	if from+len(rows) < len(all) {
		next := url.Values{}
		for key, values := range q {
			next[key] = values
		}
		next.Set("page", strconv.Itoa(page+1))
		answer["Next"] = "/reports/tls?" + next.Encode()
	}
	valimailAnswers(w, answer)
}

func (v *Valimail) failureDetails(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	v.mu.Lock()
	details := v.state.details[q.Get("report-id")]
	v.mu.Unlock()
	if len(details) == 0 || q.Get("domain-name") == "" {
		valimailSays(w, r, http.StatusNotFound, "no report available for the parameters informed")
		return
	}
	valimailAnswers(w, details)
}
