;; A component that imports an interface which nobody knows, in the hope that some host links it. It is refused by
;; the name of what it imports.
(component
  (import "evil:keep/keys@1.0.0" (instance (export "take" (func))))
  (core module $m
    (func (export "f")))
  (core instance $i (instantiate $m))
  (func $f (canon lift (core func $i "f")))
  (instance $provider (export "describe" (func $f)) (export "identify" (func $f)) (export "call" (func $f)))
  (export "toolkeep:connector/tool-provider@0.1.0" (instance $provider)))
