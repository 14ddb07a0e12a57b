;; A component that imports an interface whose name begins like an allowed one. Names are compared whole.
(component
  (import "wasi:http/outgoing-handler-unchecked@0.2.12" (instance (export "handle" (func))))
  (core module $m
    (func (export "f")))
  (core instance $i (instantiate $m))
  (func $f (canon lift (core func $i "f")))
  (instance $provider (export "describe" (func $f)) (export "identify" (func $f)) (export "call" (func $f)))
  (export "toolkeep:connector/tool-provider@0.1.0" (instance $provider)))
