;; A component whose start function grows its memory until the host says no, and then traps. It does not load, and
;; the limit is named.
(component
  (core module $m
    (memory 1)
    (func $start
      (loop $again
        (br_if $again (i32.ne (memory.grow (i32.const 16)) (i32.const -1))))
      (unreachable))
    (start $start)
    (func (export "f")))
  (core instance $i (instantiate $m))
  (func $f (canon lift (core func $i "f")))
  (instance $provider (export "describe" (func $f)) (export "identify" (func $f)) (export "call" (func $f)))
  (export "toolkeep:connector/tool-provider@0.1.0" (instance $provider)))
