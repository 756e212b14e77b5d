//! Answers of the policy engine without letters that could steer a terminal: before they are laid out,
//! since our own colours are put between their texts.

use explain::validate::File;
use flow::print::{escape, escape_lines};
use proto::flows::v1::{Judgement, Party, TraceResponse, ValidateResponse};

fn clean(text: &mut String) {
    *text = escape(text);
}

fn all(texts: &mut [String]) {
    texts.iter_mut().for_each(clean);
}

/// A trace as it may be shown.
pub(super) fn trace(mut answer: TraceResponse) -> TraceResponse {
    let texts = [
        &mut answer.protocol,
        &mut answer.node_name,
        &mut answer.request,
    ];
    texts.into_iter().for_each(clean);
    for texts in [
        &mut answer.notes,
        &mut answer.allowed_ports,
        &mut answer.denied_ports,
    ] {
        all(texts);
    }
    let parties = [&mut answer.source, &mut answer.destination];
    parties.into_iter().flatten().for_each(party);
    let judgements = [&mut answer.egress, &mut answer.ingress];
    judgements.into_iter().flatten().for_each(judgement);
    if let Some(resolution) = &mut answer.resolution {
        clean(&mut resolution.name);
        clean(&mut resolution.text);
    }
    for suggestion in &mut answer.suggestions {
        for text in [&mut suggestion.policy, &mut suggestion.text] {
            clean(text);
        }
        suggestion.yaml = escape_lines(&suggestion.yaml);
    }
    answer.cases = answer.cases.into_iter().map(trace).collect();
    answer
}

fn party(party: &mut Party) {
    clean(&mut party.name);
    clean(&mut party.node_name);
    all(&mut party.labels);
    all(&mut party.pods);
}

fn judgement(judgement: &mut Judgement) {
    let texts = [&mut judgement.text, &mut judgement.node_name];
    texts.into_iter().for_each(clean);
    all(&mut judgement.allowed_ports);
    all(&mut judgement.denied_ports);
    if let Some(request) = &mut judgement.request {
        clean(&mut request.failed);
        clean(&mut request.text);
        if let Some(rule) = &mut request.rule {
            for text in [&mut rule.namespace, &mut rule.name, &mut rule.text] {
                clean(text);
            }
        }
    }
    for policy in &mut judgement.policies {
        for text in [&mut policy.policy, &mut policy.version, &mut policy.place] {
            clean(text);
        }
        for rule in &mut policy.rules {
            clean(&mut rule.text);
            all(&mut rule.failed);
        }
    }
}

/// A report and the files that it is about as they may be shown.
pub(super) fn report(
    mut answer: ValidateResponse,
    files: Vec<File>,
) -> (ValidateResponse, Vec<File>) {
    for diagnostic in &mut answer.diagnostics {
        let texts = [
            &mut diagnostic.code,
            &mut diagnostic.file,
            &mut diagnostic.object,
            &mut diagnostic.field,
            &mut diagnostic.problem,
            &mut diagnostic.remedy,
        ];
        texts.into_iter().for_each(clean);
    }
    for meaning in &mut answer.meanings {
        for text in [&mut meaning.policy, &mut meaning.file, &mut meaning.text] {
            clean(text);
        }
    }
    let files = files.into_iter().map(|file| File {
        name: escape(&file.name).into(),
        text: escape_lines(&file.text),
    });
    (answer, files.collect())
}
