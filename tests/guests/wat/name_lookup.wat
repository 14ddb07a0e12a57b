;; A component that imports the resolver, to carry data out in the names that it asks for. It is refused by the name
;; of what it imports.
(component
  (import "wasi:sockets/ip-name-lookup@0.2.12" (instance (export "resolve-addresses" (func))))
  (core module $m
    (func (export "f")))
  (core instance $i (instantiate $m))
  (func $f (canon lift (core func $i "f")))
  (instance $provider (export "describe" (func $f)) (export "identify" (func $f)) (export "call" (func $f)))
  (export "toolkeep:connector/tool-provider@0.1.0" (instance $provider)))
