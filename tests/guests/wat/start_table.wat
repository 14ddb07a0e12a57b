;; A component whose start function grows a table until the host says no, and then traps. Rust cannot grow tables.
;; It does not load, and the limit is named.
(component
  (core module $m
    (table $t 1 funcref)
    (func $start
      (loop $again
        (br_if $again (i32.ne (table.grow $t (ref.null func) (i32.const 1000)) (i32.const -1))))
      (unreachable))
    (start $start)
    (func (export "f")))
  (core instance $i (instantiate $m))
  (func $f (canon lift (core func $i "f")))
  (instance $provider (export "describe" (func $f)) (export "identify" (func $f)) (export "call" (func $f)))
  (export "toolkeep:connector/tool-provider@0.1.0" (instance $provider)))
