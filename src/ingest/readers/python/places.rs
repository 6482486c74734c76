//! Where imports lead: the modules and folders of a project by dotted names.

use super::libraries;
use super::project::{Place, Project};
use crate::analyze::outline::{Import, Imported};

impl Project {
    /// The modules that an import executes: packages on the way, the module, and submodules that it names.
    pub(super) fn executed(&self, index: usize, import: &Import) -> Vec<usize> {
        let Some((_, place)) = self.find(index, import) else { return Vec::new() };
        let mut found = Vec::new();
        let mut add = |place: &Place| {
            if let Place::File(module) = place {
                let mut folder = self.modules[*module].folder();
                let mut packages = Vec::new();
                while !folder.is_empty() {
                    packages.extend(self.by_path.get(&format!("{folder}/__init__")));
                    folder = folder.rsplit_once('/').map_or("", |(above, _)| above);
                }
                found.extend(packages.into_iter().rev().copied());
                found.push(*module);
            }
        };
        add(&place);
        if let Imported::Names(names) = &import.what {
            for (name, _) in names {
                if let Some(sub) = self.submodule(&place, name) {
                    add(&sub);
                }
            }
        }
        found
    }

    pub(super) fn submodule(&self, place: &Place, name: &str) -> Option<Place> {
        let folder = match place {
            Place::Folder(folder) => folder.clone(),
            Place::File(module) => {
                let module = &self.modules[*module];
                if !module.rel.ends_with("__init__.py") {
                    return None;
                }
                module.folder().to_owned()
            }
        };
        self.lookup(&folder, &[name])
    }

    /// What lies at dotted `parts` under a folder.
    fn lookup(&self, folder: &str, parts: &[&str]) -> Option<Place> {
        let mut path = folder.to_owned();
        for part in parts {
            if !path.is_empty() {
                path.push('/');
            }
            path.push_str(part);
        }
        if let Some(module) = self.by_path.get(&path) {
            return Some(Place::File(*module));
        }
        if let Some(module) = self.by_path.get(format!("{path}/__init__").trim_start_matches('/')) {
            return Some(Place::File(*module));
        }
        self.folders.contains(&path).then_some(Place::Folder(path))
    }

    /// Where in the project an import leads: the place of its first name, and of the whole.
    pub(super) fn find(&self, index: usize, import: &Import) -> Option<(Place, Place)> {
        let module = &self.modules[index];
        let parts: Vec<&str> = import.module.split('.').filter(|part| !part.is_empty()).collect();
        let at = |folder: &str| -> Option<(Place, Place)> {
            let whole = self.lookup(folder, &parts)?;
            let root = self.lookup(folder, &parts[..parts.len().min(1)])?;
            (whole != Place::File(index)).then_some((root, whole))
        };
        if import.level > 0 {
            let mut folder = module.folder();
            for _ in 1..import.level {
                if folder.is_empty() {
                    return None;
                }
                folder = folder.rsplit_once('/').map_or("", |(above, _)| above);
            }
            return at(folder);
        }
        let package = *parts.first()?;
        let kept = |prefix: &String| import.module == *prefix || import.module.starts_with(&format!("{prefix}."));
        if libraries::MANIM.contains(&package) || self.external.iter().any(kept) {
            return None;
        }
        // First as Python does: beside the script; then where `sys.path` was told to look; then up to the top.
        let mut folders = vec![module.folder().to_owned()];
        let mut above = module.folder();
        let mut ancestors = Vec::new();
        while !above.is_empty() {
            above = above.rsplit_once('/').map_or("", |(above, _)| above);
            ancestors.push(above.to_owned());
        }
        // `sys.path` is one for all: what a script beside it sets is meant as well.
        let beside = self.search_paths.get(module.folder()).into_iter().flatten();
        for path in module.outline.search_paths.iter().chain(beside) {
            let path = path.trim_start_matches("./").trim_matches('/');
            for base in folders[..1].iter().chain(&ancestors).cloned().collect::<Vec<_>>() {
                folders.push(if base.is_empty() { path.to_owned() } else { format!("{base}/{path}") });
            }
        }
        let beside = at(&folders[0]);
        if beside.is_some() || libraries::is_standard(package) {
            return beside.filter(|(root, _)| !libraries::is_known(package) || matches!(root, Place::File(_)));
        }
        folders.extend(ancestors.iter().cloned());
        folders.extend(
            ancestors.iter().map(|base| if base.is_empty() { "src".to_owned() } else { format!("{base}/src") }),
        );
        if let Some(found) = folders[1..].iter().find_map(|folder| at(folder)) {
            return Some(found);
        }
        if libraries::is_known(package) {
            return None;
        }
        // A search path may be set outside the code, or the checkout be meant to lie inside another folder: a file that
        // alone has the name is meant, and if there is none, one that has its last parts.
        (0..parts.len().saturating_sub(1).max(1)).find_map(|skip| self.by_suffix(index, &parts[skip..]))
    }

    /// The only file nearest to a module whose path ends in `parts`.
    fn by_suffix(&self, index: usize, parts: &[&str]) -> Option<(Place, Place)> {
        let folder = self.modules[index].folder();
        let suffix = format!("{}.py", parts.join("/"));
        let ends = |module: &usize| {
            let rel = &self.modules[*module].rel;
            *module != index && (rel.ends_with(&format!("/{suffix}")) || *rel == suffix)
        };
        let matching: Vec<usize> =
            self.by_stem.get(*parts.last()?).into_iter().flatten().copied().filter(ends).collect();
        let shared = |found: &usize| common_folders(folder, self.modules[*found].folder());
        let most = matching.iter().map(shared).max()?;
        let mut best = matching.iter().filter(|found| shared(found) == most);
        let (found, more) = (*best.next()?, best.next());
        if more.is_some() {
            return None;
        }
        let above = self.modules[found].rel.strip_suffix(&suffix)?.trim_end_matches('/');
        Some((self.lookup(above, &parts[..1])?, Place::File(found)))
    }

    /// Whether an import leads into the project, or nowhere because it is relative.
    pub fn is_local(&self, module: usize, import: &Import) -> bool {
        import.level > 0 || self.find(module, import).is_some()
    }
}

/// How many folders two paths share from the top.
fn common_folders(a: &str, b: &str) -> usize {
    a.split('/').zip(b.split('/')).take_while(|(a, b)| a == b).count()
}
