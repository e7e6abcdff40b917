"""The words of the Learn panel in English; explorer/lessons/words.py says how they are used."""

WORDS = {
    "panel.title": "From autoencoder to VAE",
    "panel.lead": "Five steps, each with something to try on a live model. What you have done gets "
    "a tick.",
    "panel.language": "Language of Learn",
    "panel.step": "Step",
    "panel.from": "{noun} from",
    "panel.test": "Test {noun}",
    "panel.draw": "Draw",
    "panel.which": "Which one, 0 to {most}",
    "panel.another": "Another",
    "panel.nothing": "Draw something above, and the step begins.",
    "panel.previous": "Back",
    "panel.next": "Next",
    "panel.formula": "In one formula",
    "panel.sources": "Sources",
    "panel.missing": "This step needs the model {name}, which is not here. `{command}` trains it.",
    "panel.model": "On the model {name}, with {count} latent dimensions. Another one is chosen in "
    "the sidebar.",
    "noun.digit": "digit",
    "noun.letter": "letter",
    "noun.character": "character",
    "noun.image": "image",
    "draw.canvas": "Draw here with mouse, pen or finger",
    "draw.hint": "Draw here",
    "draw.brush": "Brush",
    "draw.size": "Brush size",
    "draw.erase": "Erase",
    "draw.undo": "Undo",
    "draw.clear": "Clear",
    "common.tasks": "Try it",
    "common.done": "done",
    "common.offline": "Not live: {reason}. The pictures stand still until the server is back.",
    "common.input": "Picture x",
    "compress.name": "Compress",
    "compress.title": "Compress and restore",
    "compress.lead": "An autoencoder is two networks back to back. The encoder squeezes the "
    "{noun} through a bottleneck, the **code** z; the decoder has nothing but the code to restore "
    "it from. What survives is what the code can say.",
    "compress.task.pick": "Pick another {noun}, or draw one, and compare what comes out.",
    "compress.task.move": "Drag the numbers of the code until the picture is clearly another one.",
    "compress.numbers": "{count} numbers",
    "compress.code": "Code z",
    "compress.more": "and {count} more, left as they are",
    "compress.output": "Decoded",
    "compress.encode": "encoder",
    "compress.decode": "decoder",
    "compress.ratio": "{ratio} times fewer numbers",
    "compress.error": "mean squared error {error}",
    "compress.reset": "Back to the {noun}'s own code",
    "compress.number": "Number {n} of the code",
    "compress.formula": "Trained so that, over all pictures, what comes out is near what went in. "
    "Nothing is asked of the code itself: that is what the next step is about. (The model open "
    "here may be a VAE already; of what its encoder says, this step uses the mean μ as the code.)",
    "noise.name": "Noise",
    "noise.title": "Why noise on the code",
    "noise.lead": "Two networks of the same size, trained on the same pictures. On the left a "
    "plain **autoencoder**: no noise, no KL. On the right a **VAE**: each code is shaken while it "
    "trains, so the whole neighbourhood of a code must decode to something sensible. Every dot is "
    "the code of a test digit, on its model's principal plane.",
    "noise.task.random": "Choose random codes. Which of the two has learnt where digits lie?",
    "noise.task.shake": "Choose noise on the code and raise it to at least twice what the VAE "
    "trained with. Which digit survives?",
    "noise.task.walk": "Walk halfway from one digit to another, or drag a point on its map into a "
    "gap.",
    "noise.autoencoder": "Autoencoder",
    "noise.vae": "VAE",
    "noise.none": "no noise, no KL",
    "noise.both": "noise and KL",
    "noise.grid": "The 16 small pictures",
    "noise.around": "Noise on the code",
    "noise.prior": "Random, from N(0, I)",
    "noise.fitted": "Random, fitted normal",
    "noise.size": "Noise, times the VAE's",
    "noise.again": "Draw again",
    "noise.walk": "Way from one to the other",
    "noise.start": "Walk from a",
    "noise.end": "to a",
    "noise.map": "Codes of the {model}. Drag the point, or move it with the arrow keys.",
    "noise.shown": "What the {model} decodes from the point",
    "noise.samples": "Sixteen codes of the {model}, decoded",
    "noise.distance": "Fréchet distance of decoded N(0, I) draws to real digits, measured by "
    "`evaluate`: autoencoder {ae}, VAE {vae}. Less is better.",
    "noise.fair": "N(0, I) is the prior that the KL draws the VAE's codes to; nothing draws the "
    "autoencoder's anywhere, so it is also given the normal distribution that fits its codes best. "
    "Noise is measured against how widely each model's codes lie.",
    "noise.formula": "z is drawn anew at every step of training. A decoder that must restore x "
    "from all of these leaves no hole between neighbouring codes, and the KL keeps the codes "
    "together where the prior expects them.",
    "terms.name": "Two terms",
    "terms.title": "The two terms of the loss",
    "terms.lead": "The encoder answers with a distribution q(z | x): a mean μ and a standard "
    "deviation σ for every dimension. The **reconstruction** term asks that pictures decoded from "
    "it look like x; the **KL** is the price, in nats, for telling this {noun} from all others. "
    "Training lowers their sum. Change the encoder's answer yourself and watch both.",
    "terms.task.empty": "Bring the KL below 1 nat: q(z | x) is then nearly the prior. What do "
    "the draws look like?",
    "terms.task.lowest": "With β at 1, raise the sum by at least 10 nats, then find the lowest "
    "sum you can. Whose answer do you come back to?",
    "terms.task.beta": "Set β to 4 or more and lower the sum below the encoder's own. Which way do "
    "μ and σ go?",
    "terms.mean": "μ, times the encoder's",
    "terms.width": "log σ², times the encoder's",
    "terms.beta": "β, weight of the KL",
    "terms.reconstruction": "Reconstruction",
    "terms.kl": "β · KL",
    "terms.sum": "Sum",
    "terms.nats": "{value} nats",
    "terms.own": "the encoder's own",
    "terms.best": "lowest so far",
    "terms.reset": "The encoder's own answer",
    "terms.decoded": "Decoded from μ",
    "terms.draws": "Eight draws of q(z | x), decoded",
    "terms.bars": "The loss of this picture",
    "terms.formula": "With β = 1 this is the negative ELBO, an upper bound of −log p(x). Many "
    "draws with importance weights make the bound tighter (Burda et al.).",
    "trick.name": "The trick",
    "trick.title": "Reparameterisation",
    "trick.lead": "To train the encoder, the gradient of the loss must pass through a draw of z. "
    "Through a draw itself it cannot. So the randomness is moved aside: ε is drawn from a fixed "
    "N(0, 1), and z = μ + σ ε is an ordinary function of μ and σ. Here in the dimension of the "
    "code that says most about this {noun}.",
    "trick.task.shift": "Leave ε where it is and move μ and log σ². z moves smoothly with them.",
    "trick.task.draw": "Draw ε at least ten times. Where do the z fall?",
    "trick.task.compare": "Switch the diagram to “Draw z itself” and see where the gradient stops.",
    "trick.mu": "μ",
    "trick.log_var": "log σ²",
    "trick.epsilon": "ε",
    "trick.draw": "Draw ε",
    "trick.reset": "The encoder's own μ and σ",
    "trick.decoded": "Decoded from z",
    "trick.dimension": "dimension {d} of the code",
    "trick.noise": "ε is drawn from N(0, 1)",
    "trick.code": "z = μ + σ ε is then from N(μ, σ²)",
    "trick.plot": "A draw of ε and where it puts z; σ = {sigma}, z = {z}",
    "trick.derivatives": "∂z/∂μ = 1     ∂z/∂σ = ε = {epsilon}     ∂z/∂(log σ²) = σε/2 = {half}",
    "trick.way": "How z is drawn",
    "trick.direct": "Draw z itself",
    "trick.aside": "z = μ + σ ε",
    "trick.diagram": "The way of the gradient through the networks",
    "trick.encoder": "encoder",
    "trick.decoder": "decoder",
    "trick.loss": "loss",
    "trick.forward": "forward",
    "trick.gradient": "gradient",
    "trick.stops": "A draw has no derivative: back-propagation stops at z, and the encoder "
    "learns nothing from the reconstruction. (The score-function estimator, REINFORCE, needs no "
    "way through z, and is far noisier.)",
    "trick.passes": "μ and σ are reached through a sum and a product; ε needs no gradient.",
    "trick.formula": "The same z as a draw of q(z | x), now with a derivative. This gradient "
    "varies so little that one draw a picture is enough to train with.",
    "repair.name": "Repair",
    "repair.title": "What repair is, and why the plain pass is none",
    "repair.lead": "Rub out a part of the {noun}. The plain pass encodes what is left, and an "
    "encoder that never saw a hole reads it as blank paper. Repair asks another question: which "
    "codes fit the pixels that are **seen**? That is the posterior p(z | seen).",
    "repair.task.damage": "Rub out a part of the {noun}, or choose a hole.",
    "repair.task.again": "Feed the plain pass its own answer, up to {passes} times. Does it get "
    "there?",
    "repair.task.doubt": "Find a hole that leaves two answers of different classes with at least "
    "10% each.",
    "repair.sheet": "Rub out here",
    "repair.paint": "The picture to damage. Rub with mouse, pen or finger; or move with the arrow "
    "keys and hold Shift, or press Space, to rub out.",
    "repair.known": "row {row}, column {column}: known",
    "repair.missing": "row {row}, column {column}: missing",
    "repair.holes": "Holes",
    "repair.centre": "Middle",
    "repair.top": "Top",
    "repair.left": "Left",
    "repair.none": "Whole",
    "repair.plain": "Plain pass",
    "repair.plain_text": "decode(encode(damaged))",
    "repair.iterated": "After pass {n}",
    "repair.iterated_text": "each fills the hole with the last one's answer",
    "repair.passes": "Which pass",
    "repair.mean": "Repaired",
    "repair.mean_text": "mean of p(x | seen)",
    "repair.error": "{psnr} dB in the hole",
    "repair.answers": "Answers that fit what is seen, with their weights",
    "repair.waiting": "Looking for answers …",
    "repair.formula": "The likelihood is asked of the seen pixels only, so the hole has no say. "
    "Posterior matching trains a second encoder to answer this at once.",
}
