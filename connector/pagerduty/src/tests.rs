//! The tools against scripted answers, written by hand after PagerDuty's documented forms.
