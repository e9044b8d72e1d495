package webui

import (
	"net/http"

	"keyfob/internal/core"
	"keyfob/internal/identity"
)

// devicePage asks for the code that a command line shows, and with one shows
// what asks.
func (p *Pages) devicePage(v *visit) error {
	a, err := v.actor()
	if err != nil {
		return err
	}
	code := v.r.URL.Query().Get("code")
	if code == "" {
		return v.show(http.StatusOK, "device", nil)
	}
	waits, err := p.Identity.Device(v.r.Context(), a, code)
	if err != nil {
		return err
	}
	shown, _ := identity.ParseUserCode(code) // Device took it
	return v.show(http.StatusOK, "device", struct{ Code, Client string }{shown[:len(shown)/2] + "-" + shown[len(shown)/2:], waits.Requester})
}

func (p *Pages) decideDevice(v *visit) error {
	a, approve, err := v.decision()
	if err != nil {
		return err
	}
	if err := p.Identity.DecideDevice(v.r.Context(), a, v.r.PostFormValue("code"), approve); err != nil {
		return err
	}
	return v.show(http.StatusOK, "decided", approve)
}

// approval is what the page of a step-up shows: what is to be approved, and who
// asks. It shadows StepUp's By.
type approval struct {
	identity.StepUp
	By      requester
	OfToken bool // else of a reveal
	Org     bool
	Pending bool
}

func (p *Pages) stepUpPage(v *visit) error {
	a, err := v.actor()
	if err != nil {
		return err
	}
	s, err := p.Identity.StepUp(v.r.Context(), a, v.r.PathValue("id"))
	if err != nil {
		return err
	}
	by, err := p.requesterOf(v.r.Context(), a, s.By)
	if err != nil {
		return err
	}
	return v.show(http.StatusOK, "stepup", approval{s, by, s.Kind == core.TokenProof, s.Of == core.Org, s.State == core.ProofPending})
}

func (p *Pages) decideStepUp(v *visit) error {
	a, approve, err := v.decision()
	if err != nil {
		return err
	}
	if err := p.Identity.DecideStepUp(v.r.Context(), a, v.r.PathValue("id"), approve); err != nil {
		return err
	}
	return v.show(http.StatusOK, "decided", approve)
}

// decision is who decides, and what: the button that was pressed.
func (v *visit) decision() (core.Actor, bool, error) {
	a, err := v.actor()
	if err != nil {
		return a, false, err
	}
	switch v.r.PostFormValue("decision") {
	case "approve":
		return a, true, nil
	case "deny":
		return a, false, nil
	}
	return a, false, core.Errorf(core.Invalid, "the form says neither approve nor deny").WithField("decision").WithHint("press one of its buttons")
}
