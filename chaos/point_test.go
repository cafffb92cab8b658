package chaos

// point is a moment of a refresh, as far as it can be seen from outside.
type point int

const nowhere point = -1

const (
	beforeIntent point = iota
	intentStored
	requestSent
	processedLate
	rotated
	answerSent
	stateHeld // not a stop: storage fails the write until the trap is released
	stateStored
	anyMoment // wherever the refresh is: nothing is stopped, every step takes its time
	points    // how many there are of those that are dealt, see arm

	// The rows of the table that are no such points: a request that is processed when all is over, and
	// two kills at any of the points. Those of a rollover come last.
	processedLast
	again
	beforePromotion // only where a client secret is replaced: see TestKilledDuringRollover
	promoted
	rows
)

func (p point) String() string {
	return map[point]string{
		beforeIntent:  "before the intent is stored",
		intentStored:  "the intent is stored, the plugin not told",
		requestSent:   "the request is sent, the provider never processes it",
		processedLate: "the request is sent, the provider processes it after the kill",
		rotated:       "the provider has rotated the token and holds its answer back",
		answerSent:    "the answer is sent, the new state not stored",
		stateHeld:     "storage fails the new state, the plugin keeps it in memory",
		stateStored:   "the new state is stored, the plugin not told",
		anyMoment:     "at a random moment",
		processedLast: "the request is sent, the provider processes it after the next process's refresh",
		again:         "any of these, and any again during the recovery",

		beforePromotion: "the new state is stored, the role still names the old secret",
		promoted:        "the next secret has become the role's, the plugin not told",
	}[p]
}

// moments are the points where nothing is killed: to the provider it is one whether it processes a
// request late or never.
func moments() []string {
	var names []string
	for p := range points {
		names = append(names, p.String())
	}
	names[requestSent] = "the request is sent, the provider has not processed it"
	names[stateHeld] = "storage fails the new state"
	return names
}

// moment is the point's place among the moments.
func (p point) moment() int {
	if p == processedLate {
		p = requestSent
	}
	return int(p)
}
