package server

import "strconv"

// position reads after which event of a log a reader wants to go on: from the
// header Last-Event-ID, which browsers send by themselves when they come back,
// or from the parameter after; nil was not given. With neither it is 0, the
// beginning. Errors: InvalidRequest.
//
// A browser that comes back repeats the address that it was opened with, so the
// header may be ahead of the parameter; behind it, the two contradict each other.
func position(lastEventID, after *string) (int64, error) {
	header, err := eventID("Last-Event-ID", lastEventID)
	if err != nil {
		return 0, err
	}
	parameter, err := eventID("after", after)
	if err != nil {
		return 0, err
	}
	if lastEventID != nil && header < parameter {
		return 0, refuseParameter("after", "is beyond Last-Event-ID; one of them is enough")
	}
	return max(header, parameter), nil
}

func eventID(name string, text *string) (int64, error) {
	if text == nil {
		return 0, nil
	}
	for _, c := range []byte(*text) {
		if c < '0' || c > '9' {
			return 0, refuseParameter(name, eventIDRule)
		}
	}
	id, err := strconv.ParseInt(*text, 10, 64)
	if err != nil {
		return 0, refuseParameter(name, eventIDRule)
	}
	return id, nil
}

const eventIDRule = "is the number of an event, 0 or more"
