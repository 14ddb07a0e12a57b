;; A component that begins with ten million table elements. It is refused before any of them is given.
(component
  (core module $m
    (table 10000000 funcref)
    (func (export "f")))
  (core instance $i (instantiate $m))
  (func $f (canon lift (core func $i "f")))
  (instance $provider (export "describe" (func $f)) (export "identify" (func $f)) (export "call" (func $f)))
  (export "toolkeep:connector/tool-provider@0.1.0" (instance $provider)))
