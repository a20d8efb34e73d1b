package vendor

import (
	"encoding/json"
	"net/http"
)

// Every answer of Cloudflare's has the same frame.
type cloudflareAnswer struct {
	Success    bool             `json:"success"`
	Errors     []cloudflareSaid `json:"errors"`
	Messages   []any            `json:"messages"`
	Result     any              `json:"result"`
	ResultInfo any              `json:"result_info,omitempty"`
}

type cloudflareSaid struct {
	Code    int    `json:"code"`
	Message string `json:"message"`
}

func cloudflareError(w http.ResponseWriter, status, code int, message string) {
	answer(w, status, cloudflareAnswer{Errors: []cloudflareSaid{{Code: code, Message: message}}, Messages: []any{}})
}

func cloudflareResult(w http.ResponseWriter, result any) {
	answer(w, http.StatusOK, cloudflareAnswer{Success: true, Errors: []cloudflareSaid{}, Messages: []any{}, Result: result})
}

func cloudflarePage(w http.ResponseWriter, items []any, page, size, total int) {
	if items == nil {
		items = []any{}
	}
	answer(w, http.StatusOK, cloudflareAnswer{
		Success: true, Errors: []cloudflareSaid{}, Messages: []any{}, Result: items,
		ResultInfo: map[string]int{
			"page": page, "per_page": size, "count": len(items),
			"total_count": total, "total_pages": (total + size - 1) / size,
		},
	})
}

func answer(w http.ResponseWriter, status int, a cloudflareAnswer) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(a)
}
