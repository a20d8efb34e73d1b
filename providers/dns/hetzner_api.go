package dns

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"belay/rollout/finding"
)

// A change at Hetzner is an action, which may still run when the call returns. It
// is asked for until it has ended, at growing distances.
const (
	hetznerFirstPause = 200 * time.Millisecond
	hetznerLongPause  = 2 * time.Second
)

type hetznerAction struct {
	ID     int64  `json:"id"`
	Status string `json:"status"`
	Error  *struct {
		Code    string `json:"code"`
		Message string `json:"message"`
	} `json:"error"`
}

// act makes one change and waits for its end, within ctx.
func (h *hetznerZones) act(ctx context.Context, method, path string, in any) error {
	var answer struct {
		Action hetznerAction `json:"action"`
	}
	if err := h.api.Call(ctx, method, path, in, &answer); err != nil {
		return err
	}
	for pause := hetznerFirstPause; answer.Action.Status == "running"; pause = min(2*pause, hetznerLongPause) {
		wait := time.NewTimer(pause)
		select {
		case <-wait.C:
		case <-ctx.Done():
			wait.Stop()
			return fmt.Errorf("the change is not finished at Hetzner: %w", ctx.Err())
		}
		if err := h.api.Call(ctx, http.MethodGet, fmt.Sprintf("/actions/%d", answer.Action.ID), nil, &answer); err != nil {
			return fmt.Errorf("ask how the change goes: %w", err)
		}
	}
	switch {
	case answer.Action.Error != nil && answer.Action.Error.Code != "":
		return fmt.Errorf("the change was begun and given up by Hetzner; it said: %s (%s)", finding.Clean(answer.Action.Error.Message, 300), finding.Clean(answer.Action.Error.Code, 60))
	case answer.Action.Status != "success":
		return errors.New("how the change ended is not said by Hetzner")
	}
	return nil
}

// hetznerWords are message, code and what is wrong with which field in a refusal.
func hetznerWords(body []byte) string {
	var answer struct {
		Error struct {
			Code    string `json:"code"`
			Message string `json:"message"`
			Details struct {
				Fields []struct {
					Name     string   `json:"name"`
					Messages []string `json:"messages"`
				} `json:"fields"`
			} `json:"details"`
		} `json:"error"`
	}
	// Details have other shapes with other codes; the rest is read all the same.
	_ = json.Unmarshal(body, &answer)
	if answer.Error.Code == "" && answer.Error.Message == "" {
		return ""
	}
	words := fmt.Sprintf("%s (%s)", answer.Error.Message, answer.Error.Code)
	for _, f := range answer.Error.Details.Fields {
		words += fmt.Sprintf("; %s: %s", f.Name, strings.Join(f.Messages, ", "))
	}
	return words
}

// hetznerMend is what Hetzner's refusals ask for where the general word is not
// enough. The code tells more than the status.
func hetznerMend(status int, _, _, words string) string {
	is := func(code string) bool { return strings.Contains(words, "("+code+")") }
	switch {
	case status == http.StatusUnauthorized:
		return "the token is wrong or revoked, or one of the old dns.hetzner.com; make one in the Hetzner Console: the zone's project, Security, API tokens"
	case is("token_readonly"):
		return "the token may only read; make one of Read & Write"
	case is("protected"):
		return "the record set is protected; lift its protection in the Hetzner Console"
	case is("incorrect_zone_mode"):
		return "the zone is a secondary at Hetzner; change it at its primary server"
	case status == http.StatusUnprocessableEntity:
		return "Hetzner does not take the record"
	}
	return ""
}
