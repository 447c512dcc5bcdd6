package server

import (
	"net/http"
	"strconv"
	"strings"

	"toolpit/internal/fault"
)

// tensorForm is a form in which a tensor is sent and answered.
type tensorForm string

// The forms, the preferred one first.
const (
	octetStream tensorForm = "application/octet-stream" // the bytes alone; headers say what they are
	npyFile     tensorForm = "application/x-npy"        // NumPy's file
	jsonText    tensorForm = "application/json"
)

func tensorForms() []tensorForm { return []tensorForm{octetStream, npyFile, jsonText} }

// acceptedForm returns the form that a request likes best; of several the first
// of tensorForms. Errors: NotAcceptable.
func acceptedForm(h http.Header) (tensorForm, error) {
	lines := h["Accept"]
	var chosen tensorForm
	best := 0.0
	for _, form := range tensorForms() {
		if q := liking(lines, string(form)); q > best {
			chosen, best = form, q
		}
	}
	if best == 0 {
		return "", fault.New(fault.NotAcceptable, "This route answers with application/octet-stream, application/x-npy or application/json.")
	}
	return chosen, nil
}

// weightOf returns the weight among the parameters of a media range.
func weightOf(parameters string) float64 {
	for parameter := range strings.SplitSeq(parameters, ";") {
		name, text, _ := strings.Cut(parameter, "=")
		if strings.EqualFold(strings.TrimSpace(name), "q") {
			q, err := strconv.ParseFloat(strings.TrimSpace(text), 64)
			if err == nil && q >= 0 && q <= 1 {
				return q
			}
		}
	}
	return 1
}
