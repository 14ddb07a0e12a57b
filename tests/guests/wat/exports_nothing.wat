;; A component that exports nothing at all. It is refused as no connector.
(component
  (core module $m
    (func (export "f")))
  (core instance $i (instantiate $m))
)
