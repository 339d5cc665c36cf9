//! A declared order, and what is wrong with it.

use std::fmt;

use super::layer::Layer;
use super::rules::{NEEDS, RULES};

/// One thing that is wrong with an order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mistake {
    /// Two layers are the wrong way round.
    Order {
        /// What belongs outside.
        outer: Layer,
        /// What belongs inside.
        inner: Layer,
        /// What goes wrong as it is.
        reason: &'static str,
    },
    /// A layer lacks another.
    Missing {
        /// The one that is there.
        layer: Layer,
        /// The one that is not.
        other: Layer,
        /// What goes wrong as it is.
        reason: &'static str,
    },
    /// A layer is there twice: three tries of three tries are nine.
    Twice(Layer),
}

impl fmt::Display for Mistake {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Order { outer, inner, reason } => {
                write!(formatter, "{outer} must be outside of {inner}: {reason}")
            }
            Self::Missing { layer, other, reason } => {
                write!(formatter, "{layer} needs {other}: {reason}")
            }
            Self::Twice(layer) => write!(formatter, "{layer} is there twice: it multiplies"),
        }
    }
}

/// All that is wrong with an order; at least one thing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mistakes {
    stack: String,
    mistakes: Vec<Mistake>,
}

impl Mistakes {
    /// The mistakes, in the order of [`super::RULES`].
    pub fn all(&self) -> &[Mistake] {
        &self.mistakes
    }
}

impl fmt::Display for Mistakes {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "stack `{}`: ", self.stack)?;
        for (index, mistake) in self.mistakes.iter().enumerate() {
            let separator = if index == 0 { "" } else { "; " };
            write!(formatter, "{separator}{mistake}")?;
        }
        Ok(())
    }
}

impl std::error::Error for Mistakes {}

/// Layers around a call, in a right order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stack {
    name: String,
    layers: Vec<Layer>,
}

impl Stack {
    /// The stack `name` of `layers`, from the outside in.
    ///
    /// # Errors
    /// When the order does harm, or a layer lacks what it needs.
    pub fn try_new(name: &str, layers: &[Layer]) -> Result<Self, Mistakes> {
        let mistakes = mistakes(layers);
        let name = name.to_owned();
        if mistakes.is_empty() {
            Ok(Self { name, layers: layers.to_vec() })
        } else {
            Err(Mistakes { stack: name, mistakes })
        }
    }

    /// What the stack is for.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The layers, from the outside in.
    pub fn layers(&self) -> &[Layer] {
        &self.layers
    }

    /// What is left when the tactics in `without` are switched off, as in the control arm of an
    /// experiment. It is not checked: what is switched off may be needed, and that is the point.
    #[must_use]
    pub fn without(mut self, without: &[Layer]) -> Self {
        self.layers.retain(|layer| !without.contains(layer));
        self
    }
}

impl fmt::Display for Stack {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}: ", self.name)?;
        for (index, layer) in self.layers.iter().enumerate() {
            let separator = if index == 0 { "" } else { " > " };
            write!(formatter, "{separator}{layer}")?;
        }
        Ok(())
    }
}

fn mistakes(layers: &[Layer]) -> Vec<Mistake> {
    let place = |layer| layers.iter().position(|other| *other == layer);
    let twice = Layer::ALL
        .into_iter()
        .filter(|layer| layers.iter().filter(|other| *other == layer).count() > 1)
        .map(Mistake::Twice);
    let missing = NEEDS
        .iter()
        .filter(|needs| place(needs.layer).is_some() && place(needs.other).is_none())
        .map(|needs| Mistake::Missing {
            layer: needs.layer,
            other: needs.other,
            reason: needs.reason,
        });
    let wrong = RULES
        .iter()
        .filter(
            |rule| matches!((place(rule.outer), place(rule.inner)), (Some(a), Some(b)) if a > b),
        )
        .map(|rule| Mistake::Order { outer: rule.outer, inner: rule.inner, reason: rule.reason });
    twice.chain(missing).chain(wrong).collect()
}
