;; A component that imports TCP, to talk past the gate. It is refused by the name of what it imports.
(component
  (import "wasi:sockets/tcp@0.2.12" (instance))
  (import "wasi:sockets/tcp-create-socket@0.2.12" (instance (export "create-tcp-socket" (func))))
  (core module $m
    (func (export "f")))
  (core instance $i (instantiate $m))
  (func $f (canon lift (core func $i "f")))
  (instance $provider (export "describe" (func $f)) (export "identify" (func $f)) (export "call" (func $f)))
  (export "toolkeep:connector/tool-provider@0.1.0" (instance $provider)))
