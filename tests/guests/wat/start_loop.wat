;; A component whose start function never ends: it attacks before any export of it is called, whenever an
;; instance is made. Its processor time ends, and it does not load.
(component
  (core module $m
    (func $start (loop $again (br $again)))
    (start $start)
    (func (export "f")))
  (core instance $i (instantiate $m))
  (func $f (canon lift (core func $i "f")))
  (instance $provider (export "describe" (func $f)) (export "identify" (func $f)) (export "call" (func $f)))
  (export "toolkeep:connector/tool-provider@0.1.0" (instance $provider)))
