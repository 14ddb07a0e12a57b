;; A component that imports a plain function instead of an interface. It is refused by the name of what it imports.
(component
  (import "system" (func (param "command" string)))
  (core module $m
    (func (export "f")))
  (core instance $i (instantiate $m))
  (func $f (canon lift (core func $i "f")))
  (instance $provider (export "describe" (func $f)) (export "identify" (func $f)) (export "call" (func $f)))
  (export "toolkeep:connector/tool-provider@0.1.0" (instance $provider)))
